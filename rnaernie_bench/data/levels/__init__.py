"""The functions of the built-in levels: how items of each are read, simulated and declared."""
