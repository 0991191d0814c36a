"""Steering: walks, mixes, directions, one's own picture in the latent space."""
