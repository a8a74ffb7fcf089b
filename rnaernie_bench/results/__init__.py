"""Result records, statistics and the leaderboard; imports neither torch nor multimolecule."""
