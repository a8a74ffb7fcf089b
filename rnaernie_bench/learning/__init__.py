"""What trains: strategies, the recipe, examples and networks."""
