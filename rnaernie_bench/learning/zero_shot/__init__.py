"""What a masked language model says of sequences before any training."""
