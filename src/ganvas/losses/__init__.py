"""The game that D and G play, and the penalties that keep it stable: pure functions of logits and gradients."""
