"""`palette`: for flat works in colour. `canvas`, whose G has flat colours and whose D also judges pieces.

docs/recipes/palette.md says what each brings, and why digits do not want them.
"""

from dataclasses import replace

from ..config import Recipe
from ..nets.residual import Residual
from ..registry import recipes
from .canvas import canvas


@recipes.register("palette")
def palette() -> Recipe:
    return replace(canvas(), name="palette", net=Residual(palette=7, patches=2), r1_gamma=1.0, r2_gamma=1.0)
