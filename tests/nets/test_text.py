"""Reading captions inside a net."""

import torch

from ganvas.config import Conditions
from ganvas.nets.layers import LabelledLatent, ProjectionLogit
from ganvas.nets.text import ROW, Reader, normal, parted
from ganvas.prompts import rows, silent
from ganvas.words import IDS, PIECE_BUCKETS, READ, WORD_BUCKETS, ids_of


def read(reader: Reader, *captions: str) -> torch.Tensor:
    return reader(parted(rows(torch.zeros(len(captions), dtype=torch.long), captions))[1])


def reader(dim: int = 16) -> Reader:
    torch.manual_seed(0)
    return Reader(dim)


def test_a_caption_is_numbers_of_words_and_pieces() -> None:
    ids = torch.tensor(ids_of("Red circle")).view(READ, IDS)
    again = torch.tensor(ids_of("circle red!")).view(READ, IDS)
    assert (ids[0] == again[1]).all() and (ids[1] == again[0]).all() and not ids[2:].any()
    assert 0 < ids[0, 0] < WORD_BUCKETS and (ids[:, 1:] < PIECE_BUCKETS).all()
    assert (ids[0] > 0).sum() == 1 + 3  # <re, red, ed>
    assert (ids[1] > 0).sum() == 1 + 6
    assert torch.tensor(ids_of("红")).count_nonzero() == 1  # a word of one character has no pieces
    assert len(ids_of("word " * 100)) == READ * IDS == ROW - 1


def test_conditions_part_into_labels_and_words() -> None:
    label = torch.tensor([2, 0])
    made = rows(label, ["red", ""])
    assert made.shape == (2, ROW)
    labels, words = parted(made)
    assert labels.tolist() == [2, 0] and words.shape == (2, READ, IDS) and words[0].any() and not words[1].any()
    bare, nothing = parted(label)
    assert (bare == label).all() and not nothing.any()
    labels, words = parted(torch.stack([made, silent(label)]))
    assert labels.shape == (2, 2) and words.shape == (2, 2, READ, IDS)


def test_order_and_each_word_matter_and_padding_does_not() -> None:
    net = reader()
    one, other, fewer, more = read(net, "red circle", "circle red", "red", "red circle star")
    for a, b in ((one, other), (one, fewer), (one, more)):
        assert (a - b).abs().max() > 0.05
    alone = read(net, "red circle")[0]
    torch.testing.assert_close(one, alone)  # though a longer caption lay beside it


def test_in_use_a_vector_does_not_depend_on_how_many_are_read() -> None:
    net = reader().eval()
    captions = ["red circle", "a very long caption of a good many words indeed", "", "star"] * 5
    together = read(net, *captions)
    for number, caption in enumerate(captions[:4]):
        assert (read(net, caption)[0] == together[number]).all()


def test_no_words_have_a_vector_of_their_own() -> None:
    net = reader()
    net.nothing.data.fill_(0.5)
    assert (read(net, "", "?!")[1] == 0.5).all()
    assert (read(net, "red")[0] != 0.5).all()


def test_a_word_is_normalised() -> None:
    x = normal(torch.randn(3, 5, 16) * 4 + 2)
    torch.testing.assert_close(x.mean(dim=2), torch.zeros(3, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.var(dim=2, correction=0), torch.ones(3, 5), atol=1e-3, rtol=0)


def test_every_weight_learns() -> None:
    net = reader()
    read(net, "red circle", "blue star left", "").square().sum().backward()
    zero = [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert zero in ([], ["nothing"])  # at 0 its square has no slope


def test_a_logit_is_projected_on_the_caption() -> None:
    torch.manual_seed(0)
    logit = ProjectionLogit(6, Conditions(2, 8))
    features = torch.randn(3, 6)
    label = torch.tensor([0, 1, 2])
    one = rows(label, ["red", "blue", "red"])
    torch.testing.assert_close(logit(features, one), logit(features, silent(label)))  # starts by heeding no words
    torch.nn.init.normal_(logit.said.weight)
    torch.nn.init.normal_(logit.embedding.weight)
    both = logit(features, torch.stack([one, rows(label, ["blue", "blue", ""])]))
    torch.testing.assert_close(both[0], logit(features, one))
    assert both[0][0] != both[1][0] and both[0][1] == both[1][1] and both[0][2] != both[1][2]
    weight = logit.linear.weight[0] + (logit.embedding.weight[0] + logit.said(read(logit.reader, "red")[0])) / 6**0.5
    torch.testing.assert_close(both[0][0], features[0] @ weight + logit.linear.bias[0])


def test_the_latent_stands_beside_label_and_caption() -> None:
    latent = LabelledLatent(5, Conditions(2, 8), label_dim=3)
    z, label = torch.randn(2, 5), torch.tensor([0, 2])
    found = latent(z, rows(label, ["red", "blue"]))
    assert found.shape == (2, latent.out_dim) == (2, 16)
    assert (found[:, :5] == z).all() and (found[:, 5:8] == latent.embedding(label)).all()
    torch.testing.assert_close(found[:, 8:], read(latent.reader, "red", "blue"))
    alone = LabelledLatent(5, Conditions(0, 8))
    assert alone(z, rows(torch.zeros(2, dtype=torch.long), ["red", "blue"])).shape == (2, 13)
