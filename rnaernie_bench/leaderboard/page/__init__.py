"""The leaderboard as one static HTML page, with the evidence behind every figure."""
