"""Rules for documents in Chinese."""
