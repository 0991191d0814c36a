"""The two towers: pictures and captions that find each other."""

import torch

from ganvas.config import Conditions
from ganvas.nets.dual import Dual
from ganvas.words import ids_of


def read(*captions: str) -> torch.Tensor:
    return torch.tensor([ids_of(caption) for caption in captions]).view(len(captions), -1, len(ids_of("")) // 24)


def test_both_towers_point_with_length_one() -> None:
    dual = Dual(3, Conditions(0, 16))
    for side in (16, 32, 40):
        torch.testing.assert_close(dual.see(torch.randn(4, 3, side, side)).norm(dim=1), torch.ones(4))
    torch.testing.assert_close(dual.read(read("red", "blue circle", "")).norm(dim=1), torch.ones(3))


def test_it_learns_which_belong_together() -> None:
    torch.manual_seed(0)
    dual = Dual(3, Conditions(0, 16))
    optimizer = torch.optim.Adam(dual.parameters(), 2e-3)
    names = ["red", "green", "blue", "grey"]
    colours = torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1], [0, 0, 0]])
    pictures, captions = colours[:, :, None, None].expand(-1, -1, 16, 16), read(*names)
    first = dual.apart(pictures, captions, captions).item()
    for _ in range(30):
        optimizer.zero_grad()
        dual.apart(pictures + 0.1 * torch.randn(pictures.shape), captions, captions).backward()
        optimizer.step()
    assert dual.apart(pictures, captions, captions).item() < 0.3 * first
    match = dual.see(pictures) @ dual.read(captions).T
    assert match.argmax(dim=1).tolist() == [0, 1, 2, 3]


def test_doubles_and_silence_are_no_mistakes() -> None:
    torch.manual_seed(0)
    dual, pictures = Dual(1, Conditions(0, 16)), torch.randn(3, 1, 16, 16)
    red = read("red", "red", "red")
    assert dual.apart(pictures, red, red).item() == 0.0  # each suits every picture
    assert dual.apart(pictures, read("", "", ""), red).item() == 0.0
    own, silent = read("red", "green", "blue"), read("", "", "")
    assert dual.apart(pictures, own, read("grey", "", "")) > dual.apart(pictures, own, silent)
