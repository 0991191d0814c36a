"""Net families: a file each, with a config class that builds the generator G and the discriminator D of a run.

G: (n, latent_dim) latents, (n,) labels -> (n, C, H, W) pictures.   D: pictures, labels -> (n,) logits.
Labels are whole numbers in [0, labels]; the last one, `labels`, is the null label: drawn or judged without a label.
"""
