"""Recipes: a file each, a function that returns the settings of a way to learn."""
