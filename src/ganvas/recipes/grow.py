"""`grow`: for small collections of art at 64 px and more, in colour: small pictures first, then larger ones.

The game of `canvas` on a net that grows (nets/growing.py). docs/recipes/grow.md says what was measured.
"""

from dataclasses import replace

from ..config import Recipe
from ..nets.growing import Growing
from ..registry import recipes
from .canvas import canvas


@recipes.register("grow")
def grow() -> Recipe:
    return replace(canvas(), name="grow", net=Growing())
