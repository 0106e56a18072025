"""Rules for documents in English."""
