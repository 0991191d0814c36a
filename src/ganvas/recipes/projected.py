"""`projected`: a critic that has seen a million photographs before it sees the first of yours. Sauer et al. 2021.

For pictures of 64 to 256 px and a GPU; on a CPU it works, well behind `canvas` (docs/recipes/projected.md). The game is
that of `canvas`, with its penalties at the features: with the paper's, hinge loss and spectral norm, D won at once on a
few hundred drawings.
"""

from dataclasses import replace

from ..config import Recipe
from ..nets.projected import Projected
from ..registry import recipes
from .canvas import canvas


@recipes.register("projected")
def projected() -> Recipe:
    return replace(
        canvas(),
        name="projected",
        net=Projected(),
        tones="linear",
        r1_gamma=8.0,
        r2_gamma=8.0,
        gamma_detail=None,
        likeness_kimg=None,
    )
