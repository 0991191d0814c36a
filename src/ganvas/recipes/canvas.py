"""`canvas`, the default: the best pictures per minute that we know on an ordinary CPU.

The relativistic game with R1 and R2 at every step (Huang et al. 2024), on a net that works at half resolution. Both
players move at once. Small batches: on a CPU the number of steps counts for more than the number of pictures. Each
number below was found on MNIST's validation pictures (docs/experiments.md), and is the same for every kind of picture.
"""

from ..config import Recipe
from ..nets.residual import Residual
from ..registry import recipes


@recipes.register("canvas")
def canvas() -> Recipe:
    return Recipe(
        name="canvas",
        net=Residual(),
        latent_dim=64,
        game="relativistic",
        r1_gamma=0.5,
        r2_gamma=0.5,
        gamma_detail=108.0,
        penalty_every=2,
        matching=0.05,
        simultaneous=True,
        tones="sine",
        batch_size=16,
        batch_growth=4,
        generator_lr=2e-3,
        discriminator_lr=2e-3,
        final_lr_share=0.1,
        likeness_kimg=10.0,
        warm_up_kimg=1.0,
        betas=(0.0, 0.9),
        ema_half_life_kimg=10.0,
        ema_share=0.05,
    )
