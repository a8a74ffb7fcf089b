"""Controls a language model has to beat."""
