"""`tokens`: pictures as rows of codes, which a transformer writes to order. Ramesh et al. 2021, at the size of a desk.

For pictures with captions: words are obeyed sooner than in an adversarial game, which is left to the auto-encoder.
There is nothing to steer or to walk through. docs/recipes/tokens.md says what was measured.
"""

from ..config import Recipe
from ..nets.tokens import Tokens
from ..registry import recipes


@recipes.register("tokens")
def tokens() -> Recipe:
    return Recipe(
        name="tokens",
        net=Tokens(),
        latent_dim=128,
        game="hinge",
        batch_size=16,
        generator_lr=2.5e-3,
        discriminator_lr=1e-3,
        final_lr_share=0.02,
        warm_up_kimg=1.0,
        betas=(0.9, 0.99),
    )
