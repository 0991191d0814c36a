"""`dcgan`: the system of the article that started ganvas, made to work (docs/article.md says what was wrong).

z of 100 normals, batches of 128, D and G in turn, an evaluation on held-out pictures after each epoch. Adam's
settings are those of Radford et al. 2016, sect. 4; G plays the non-saturating game of Goodfellow et al. 2014.
"""

from ..config import Recipe
from ..nets.dcgan import Dcgan
from ..registry import recipes


@recipes.register("dcgan")
def dcgan() -> Recipe:
    return Recipe(
        name="dcgan",
        net=Dcgan(),
        latent_dim=100,
        game="nonsaturating",
        batch_size=128,
        generator_lr=2e-4,
        discriminator_lr=2e-4,
        final_lr_share=1.0,
        betas=(0.5, 0.999),
        evaluate_each_epoch=True,
    )
