"""Rules for documents in Korean."""
