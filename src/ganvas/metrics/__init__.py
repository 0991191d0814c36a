"""Scores: numbers that say how good, how varied and how original works are. One file a method."""
