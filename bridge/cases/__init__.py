"""What compliance has found, run by run: kept for good, acknowledged by name, told to others, and acted upon once."""
