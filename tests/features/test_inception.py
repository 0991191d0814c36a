"""Its weights are not here: errors everywhere, the net itself with random weights where torch-fidelity is installed."""

import sys
from pathlib import Path

import pytest
import torch

from ganvas.errors import UsageError
from ganvas.features import inception
from ganvas.features.choose import make_features
from ganvas.features.extractor import file_sha256
from ganvas.tensors import as_floats

from .helpers import close, noise

SHAPE = (3, 32, 32)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch.hub."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints" / inception.FILE


@pytest.fixture
def accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose hash is taken for the right one."""
    path = tmp_path / "accepted.pth"
    path.write_bytes(b"weights")
    monkeypatch.setattr(inception, "SHA256", file_sha256(path))
    return path


def test_missing_weights_say_where_from_and_where_to(hub):
    with pytest.raises(UsageError) as raised:
        make_features("inception", SHAPE)
    for part in (str(hub), inception.ADDRESS, "--features effnet"):
        assert part in str(raised.value)


def test_a_given_path_is_the_one_that_is_looked_at(tmp_path):
    with pytest.raises(UsageError, match="mine.pth does not exist"):
        make_features("inception", SHAPE, tmp_path / "mine.pth")
    with pytest.raises(UsageError, match="cannot be read"):
        make_features("inception", SHAPE, tmp_path)


def test_other_weights_are_not_loaded(hub):
    hub.parent.mkdir(parents=True)
    hub.write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(UsageError, match=f"expected sha256 {inception.SHA256}, found {file_sha256(hub)}.*effnet"):
        make_features("inception", SHAPE)
    assert inception.FILE.endswith(f"-{inception.SHA256[:8]}.pth")


def test_a_missing_package_is_named_by_its_extra(accepted, monkeypatch):
    for name in ("torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"torch-fidelity.*pip install 'ganvas\[inception\]'"):
        make_features("inception", SHAPE, accepted)


def test_bytes_come_back_as_they_were():
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1)
    assert torch.equal(inception.levels(as_floats(pixels.numpy()))[0, 0], pixels[0, :, :, 0])
    assert inception.levels(noise(2, 4, 9, 9)).shape == (2, 3, 9, 9)


def test_the_net_sees_what_torch_fidelity_sees(tmp_path, monkeypatch):
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    cls = module.FeatureExtractorInceptionV3
    torch.manual_seed(0)
    with monkeypatch.context() as patch:  # random weights, which its constructor would replace
        patch.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(cls, "load_state_dict", lambda *_: None)
        theirs = cls("inception", ["2048"])
    path = tmp_path / "random.pth"
    torch.save(theirs.state_dict(), path)
    monkeypatch.setattr(inception, "SHA256", file_sha256(path))
    net = make_features("inception", SHAPE, path)
    pixels = torch.randint(0, 256, (2, 3, 32, 40), dtype=torch.uint8)
    with torch.inference_mode():
        seen = net(as_floats(pixels.permute(0, 2, 3, 1).numpy()))
        assert torch.equal(seen, theirs(pixels)[0])
        assert seen.shape == (2, net.dim)
        assert close(net(noise(3, 1, 28, 28))[:1], net(noise(3, 1, 28, 28)[:1]))
    assert net.sha256() == make_features("inception", SHAPE, path).sha256()
    assert not any(part.training for part in net.modules())
