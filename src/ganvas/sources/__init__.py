"""Where pictures come from: one file for each origin."""
