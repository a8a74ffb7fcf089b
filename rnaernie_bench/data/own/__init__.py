"""Data of somebody's own, without a task file."""
