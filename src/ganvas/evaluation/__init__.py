"""Evaluating a model: which pictures, which scores, and the report."""
