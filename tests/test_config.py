import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganvas.config import Budget, NetConfig, Recipe, from_json, parse_every, to_json
from ganvas.errors import UnknownName, UsageError
from ganvas.nets.residual import Residual
from ganvas.registry import recipes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_survives_json(name):
    recipe = recipes.get(name)()
    assert from_json(Recipe, json.loads(json.dumps(to_json(recipe)))) == recipe


def test_unknown_fields_and_families_are_named():
    good = to_json(recipes.get("canvas")())
    with pytest.raises(UsageError, match="has no field 'batch_sise'. Did you mean 'batch_size'"):
        from_json(Recipe, {**good, "batch_sise": 3})
    with pytest.raises(UnknownName, match="No net 'residul'. Did you mean 'residual'"):
        from_json(Recipe, {**good, "net": {"family": "residul"}})
    with pytest.raises(UsageError, match=r"recipe\.json: net: width must be of type int, got '32'"):
        from_json(Recipe, {**good, "net": {"family": "residual", "width": "32"}}, "recipe.json")
    with pytest.raises(UsageError, match="missing"):
        from_json(Recipe, {"net": {"family": "residual"}})


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("batch_size", 0, "batch_size must be a whole number of at least 1, at most 65536, got 0"),
        ("generator_lr", -1.0, "generator_lr must be a number above 0"),
        ("r1_gamma", float("nan"), "r1_gamma must be 0 or more"),
        ("null_label", 1.5, "null_label must be between 0 and 1"),
        ("betas", (0.0, 1.0), "betas must be two numbers from 0 to below 1"),
        ("holdout", 1.0, "holdout must be at least 0 and below 1"),
        ("gamma_detail", 0.0, "gamma_detail must be a number above 0, or None"),
        ("warm_up_kimg", -1.0, "warm_up_kimg must be 0 or more"),
        ("precision", "float16", "precision must be auto or float32, got 'float16'"),
        ("game", "relativistc", "No game 'relativistc'. Did you mean 'relativistic'"),
    ],
)
def test_settings_are_checked_when_made(field, value, said):
    with pytest.raises(UsageError, match=said):
        dataclasses.replace(recipes.get("canvas")(), **{field: value})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([Recipe, Residual, Budget, NetConfig]), JSON)
def test_any_json_gives_an_object_or_a_usage_error(cls, data):
    try:
        assert dataclasses.is_dataclass(from_json(cls, data))
    except UsageError as error:
        assert len(str(error)) > 10


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(to_json(recipes.get("canvas")()))), JSON)
def test_any_changed_field_gives_a_recipe_or_a_usage_error(field, value):
    data = to_json(recipes.get("canvas")())
    try:
        assert (to_json(from_json(Recipe, {**data, field: value}))[field] is None) == (value is None)
    except UsageError as error:
        assert len(str(error)) > 10


def test_a_length_counts_pictures():
    assert Budget("kimg", 2).total_images(500) == 2000
    assert Budget("epochs", 3).total_images(500) == 1500
    assert Budget("minutes", 3).total_images(500) is None
    with pytest.raises(UsageError, match="minutes must be above 0, got 0"):
        Budget("minutes", 0)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2m", Budget("minutes", 2)),
        ("2 minutes", Budget("minutes", 2)),
        (" 1 Minute", Budget("minutes", 1)),
        ("0.5min", Budget("minutes", 0.5)),
        (".5", Budget("minutes", 0.5)),
        (3, Budget("minutes", 3)),
        (1e-05, Budget("minutes", 1e-05)),
        ("20kimg", Budget("kimg", 20)),
        ("20 kimg", Budget("kimg", 20)),
    ],
)
def test_how_often_is_understood(said, meant):
    assert parse_every(said) == meant


@pytest.mark.parametrize(
    "said",
    ["", "m", "0", "-1", "2 epochs", "2 m 3", "2 kimgs", "1.5.2", True, math.nan, math.inf, "1e999", "２m"],
)
def test_how_often_is_asked_again(said):
    with pytest.raises(UsageError, match="evaluate_every must be .* such as '2 minutes', '2m' or '20 kimg', got "):
        parse_every(said)


def test_a_tenth_is_kept_for_validation_by_default():
    assert all(recipes.get(name)().holdout == 0.1 for name in ("canvas", "dcgan", "classic"))
