"""Ways to adapt a backbone to a task."""
