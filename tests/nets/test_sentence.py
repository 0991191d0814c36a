"""Reading a sentence model's vectors inside a net."""

import torch

from ganvas.config import Conditions, TextEncoder
from ganvas.nets.dual import Dual
from ganvas.nets.layers import LabelledLatent, ProjectionLogit
from ganvas.nets.sentence import SentenceReader, reader_of, set_out_from
from ganvas.nets.text import Reader, parted

ENCODER = TextEncoder("tiny", 6, "0" * 64)


def told(count: int, seed: int = 0) -> torch.Tensor:
    """(count, 1, 7) captions close to each other, the last one none."""
    rng = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(1 + 0.01 * torch.randn(count, 6, generator=rng), dim=1)
    found = torch.cat([torch.ones(count, 1), vectors], dim=1)[:, None]
    found[-1] = 0
    return found


def conditions(label: list[int]) -> torch.Tensor:
    return torch.cat([torch.tensor(label, dtype=torch.float32)[:, None], told(len(label))[:, 0]], dim=1)


def test_rows_of_a_sentence_model_are_parted() -> None:
    labels, captions = parted(torch.stack([conditions([2, 0, 1])] * 2))
    assert labels.dtype == torch.int64 and labels.tolist() == [[2, 0, 1]] * 2
    assert captions.shape == (2, 3, 1, 7) and (captions[0] == told(3)).all()


def test_what_captions_share_is_taken_off() -> None:
    reader, many = SentenceReader(6, 8).eval(), told(400)[:-1, 0]
    many[:, 1] *= 5  # most of what differs
    near = reader(many[:5, None])
    found = reader(told(5))
    assert (found[-1] == reader.nothing).all() and found.shape == (5, 8) and found.dtype == torch.float32
    set_out_from((torch.nn.Sequential(reader), torch.nn.Linear(1, 1)), many)
    x = (many[:, 1:] - reader.centre) @ reader.whiten
    assert x.mean(dim=0).abs().max() < 1e-3
    variances = torch.linalg.eigvalsh(x.T @ x / len(x))
    before = torch.linalg.eigvalsh(many[:, 1:].T.cov())
    assert variances.max() < 1.01 and variances.median() / variances.max() > 2 * before.median() / before.max()
    assert reader(many[:5, None]).std(dim=0).mean() > 10 * near.std(dim=0).mean()
    assert {"centre", "whiten"} <= reader.state_dict().keys()
    set_out_from((reader,), told(2)[:1, 0].repeat(3, 1))  # all the same: nothing to enlarge
    assert torch.isfinite(reader(told(5))).all()


def test_a_caption_is_read_the_same_alone_and_among_others() -> None:
    reader, captions = SentenceReader(6, 8).eval(), told(64)
    together = reader(captions)
    assert all((reader(captions[[one]])[0] == together[one]).all() for one in (0, 31, 63))


def test_bare_labels_say_nothing() -> None:
    reader = SentenceReader(6, 8)
    assert (reader(parted(torch.tensor([1, 2]))[1]) == reader.nothing).all()


def test_which_reader_a_net_gets() -> None:
    assert reader_of(3) is None and reader_of(Conditions(3, 0, ENCODER)) is None
    assert isinstance(reader_of(Conditions(3, 8)), Reader)
    assert isinstance(reader_of(Conditions(0, 8, ENCODER)), SentenceReader)


def test_g_and_d_and_the_towers_read_them() -> None:
    asked, rows = Conditions(3, 8, ENCODER), conditions([0, 1, 3])
    latent = LabelledLatent(5, asked)
    assert latent(torch.zeros(3, 5), rows).shape == (3, latent.out_dim)
    logit, features = ProjectionLogit(4, asked), torch.randn(3, 4)
    assert logit(features, rows).shape == (3,) and logit(features, torch.stack([rows, rows])).shape == (2, 3)
    logit(features, rows).sum().backward()
    dual = Dual(3, asked)
    loss = dual.apart(torch.rand(3, 3, 16, 16), told(3), told(3, seed=1))
    loss.backward()
    assert torch.isfinite(loss) and dual.reader.widen.weight.grad.abs().sum() > 0
