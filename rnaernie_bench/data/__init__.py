"""Reading, splitting, auditing, encoding and batching data."""
