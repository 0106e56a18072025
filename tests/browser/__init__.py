"""Tests that drive the faces in a real browser."""
