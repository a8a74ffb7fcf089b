"""What a task declares, and what can be chosen by name."""
