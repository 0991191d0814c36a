"""The base models that come with the program."""

import pytest

import ganvas
from ganvas import advice, bases
from ganvas.training.inherit import Heritage

FILES = sorted(bases.files().items())


def test_there_are_some():
    assert bases.names() == ["drawings", "emblems"]


@pytest.mark.parametrize(("key", "path"), FILES, ids=[f"{name}-{side}" for (name, side), _ in FILES])
def test_each_fits_its_recipe_and_has_a_card(key, path):
    name, side = key
    shape = (3, side, side)
    heritage = Heritage.of(name, shape)
    recipe = ganvas.recipe(next(recipe for recipe, base in advice.BASE.items() if base == name))
    nets = recipe.net.generator(shape, recipe.latent_dim, 0), recipe.net.discriminator(shape, 0)
    for net, arrays in zip(nets, (heritage.G, heritage.D), strict=True):
        fit = heritage.give(net, arrays, [])
        assert len(fit.fitted) == len(net.state_dict())
        assert (fit.resized, fit.new, fit.left_out) == ((), (), ())
    assert heritage.config.recipe.tones == recipe.tones
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert f"{name}-{side}.safetensors" in card
    assert "licence" in card
    assert path.stat().st_size < 8e6
