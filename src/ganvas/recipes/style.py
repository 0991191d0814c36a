"""`style`: StyleGAN2's generator in the game of `canvas`. For works that one wants to steer, mix and walk among.

docs/recipes/style.md says what is StyleGAN2's and what is not.
"""

from dataclasses import replace

from ..config import Recipe
from ..nets.style import Style
from ..registry import recipes
from .canvas import canvas


@recipes.register("style")
def style() -> Recipe:
    return replace(
        canvas(),
        name="style",
        net=Style(),
        generator_lr=6e-3,
        path_length=2.0,
        path_every=8,
        likeness_kimg=None,
    )
