"""How sequences, bases, pairs of bases and pairs of sequences are read."""
