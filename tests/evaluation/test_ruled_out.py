"""No recipe is judged by a net that it learned from."""

import dataclasses
import io
import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from rich.console import Console

import ganvas as gv
from ganvas import efficientnet
from ganvas.api import run_config
from ganvas.cli import main
from ganvas.config import Budget
from ganvas.dataset import prepare
from ganvas.errors import UsageError
from ganvas.evaluation.choice import choose
from ganvas.evaluation.evaluate import extractor_for, ruled_out
from ganvas.evaluation.judge import make_judge
from ganvas.evaluation.page import save_page
from ganvas.evaluation.table import show_report
from ganvas.features.choose import make_features
from ganvas.nets.residual import Residual
from ganvas.pictures import save_png, to_image
from ganvas.registry import recipes
from ganvas.tensors import CPU

from ..training.helpers import tiny
from .helpers import Shower, evaluated

needs_packages = pytest.mark.skipif(not efficientnet.installed(), reason="the packages of EfficientNet are missing")


@pytest.fixture
def art(tmp_path):
    """240 pictures that are no digits: nothing says what they show."""
    digits = prepare("digits", out=tmp_path / "digits")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(240):
        save_png(to_image(digits.batch(np.array([number]))[0]), folder / f"{number}.png")
    return prepare(folder, 28, out=tmp_path / "art")


def chosen(dataset, recipe):
    config = run_config(dataset, recipe, Budget("kimg", 1), 0, labels=False)
    return config, choose(config, dataset, None, 100)


def test_only_recipes_that_learned_from_features_rule_them_out():
    barred = {name: [one.features for one in ruled_out(recipes.get(name)())] for name in recipes.names()}
    assert barred.pop("projected") == ["effnet"]
    assert not any(barred.values())


def test_asked_for_it_is_refused_and_says_what_and_why(art):
    _, choice = chosen(art, tiny("projected"))
    with pytest.raises(UsageError, match="'effnet' are ruled out for the recipe 'projected': D learned .*random"):
        extractor_for(choice, "effnet", None, tiny("projected"))


@needs_packages
def test_a_module_of_that_name_is_refused_too(art):
    _, choice = chosen(art, tiny("projected"))
    with pytest.raises(UsageError, match="'effnet' are ruled out"):
        extractor_for(choice, make_features("effnet", art.shape), None, tiny("projected"))


def test_by_default_it_is_another(art, monkeypatch):
    monkeypatch.setattr(efficientnet, "installed", lambda: True)
    config, choice = chosen(art, tiny("projected"))
    extractor, warnings = extractor_for(choice, None, None, config.recipe)
    assert extractor.name == "random"
    assert "'effnet' did, but is no judge" in warnings[0]
    assert "pip install" not in warnings[0]


def test_digits_still_are_judged_by_digits(tmp_path):
    digits = prepare("digits", out=tmp_path / "digits")
    config, choice = chosen(digits, tiny("projected"))
    assert extractor_for(choice, None, None, config.recipe)[0].name == "digits"


def test_scores_while_it_learns_are_by_another_too(art, monkeypatch):
    monkeypatch.setattr(efficientnet, "installed", lambda: True)
    config, _ = chosen(art, tiny("projected", holdout=0.5))
    assert make_judge(config, art, "kernel", CPU).extractor.name == "random"


def test_relatives_flatter_and_a_warning_says_so(art, monkeypatch):
    _, choice = chosen(art, tiny("projected"))
    random = make_features("random", art.shape)
    monkeypatch.setattr(random, "name", "inception")
    assert "may flatter the works" in " ".join(extractor_for(choice, random, None, tiny("projected"))[1])
    assert extractor_for(choice, random, None, tiny())[1] == ()


def test_a_net_of_another_package_can_say_so(art):
    @dataclass(frozen=True)
    class Other(Residual):
        family: ClassVar[str] = "other"
        learned_from: ClassVar[tuple[str, ...]] = ("random",)

    recipe = dataclasses.replace(tiny(), name="theirs", net=Other(width=4))
    _, choice = chosen(art, recipe)
    with pytest.raises(UsageError, match="'random' are ruled out for the recipe 'theirs'"):
        extractor_for(choice, "random", None, recipe)


@pytest.mark.parametrize("name", ["projected", "canvas"])
def test_the_report_says_which_for_which_recipe_and_why(art, tmp_path, name):
    config, choice = chosen(art, tiny(name))
    report = evaluated(Shower(config, art.batch(np.arange(240)), art.labels), choice, ["kernel"], "random")
    shown = io.StringIO()
    show_report(report, Console(file=shown, width=200))
    save_page(report, tmp_path / "report.html", (), ())
    report.save(tmp_path / "report.json")
    (told,) = json.loads((tmp_path / "report.json").read_text())["ruled_out"] or [None]
    pages = shown.getvalue(), (tmp_path / "report.html").read_text()
    if name == "canvas":
        assert told is None
        assert not any("Ruled out" in page for page in pages)
        return
    assert (told["features"], told["recipe"]) == ("effnet", "projected")
    for page in pages:
        assert "Ruled out" in page
        assert "features effnet" in page
        assert told["reason"] in page


@needs_packages
def test_as_a_user_meets_it(art, tmp_path, capsys):
    gv.train(art, tiny("projected"), kimg=0.016, out=tmp_path / "run", display="none")
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(tmp_path / "run"), "--features", "effnet"])
    assert stopped.value.code == 2
    assert "ruled out for the recipe 'projected'" in capsys.readouterr().err
    main(["evaluate", str(tmp_path / "run"), "--metrics", "kernel", "--count", "100"])
    out = capsys.readouterr().out
    assert "features random" in out
    assert "Ruled out: the features effnet for the recipe projected: D learned through" in out
