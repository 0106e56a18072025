"""The chat in the browser: a face that renders an Answer and knows nothing else."""
