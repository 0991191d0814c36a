"""`classic`: the first GAN, fully connected. Goodfellow et al. 2014.

Differs from the paper in Adam for momentum, in labels, and in R1 (Mescheder et al. 2018), without which D soon wins.
"""

from ..config import Recipe
from ..nets.mlp import Mlp
from ..registry import recipes


@recipes.register("classic")
def classic() -> Recipe:
    return Recipe(
        name="classic",
        net=Mlp(),
        latent_dim=100,
        game="nonsaturating",
        r1_gamma=1.0,
        batch_size=64,
        generator_lr=5e-4,
        discriminator_lr=5e-4,
        final_lr_share=0.1,
        betas=(0.0, 0.99),
    )
