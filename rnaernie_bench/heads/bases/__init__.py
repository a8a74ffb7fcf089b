"""What heads begin from: the contract of all of them, and a base for each level."""
