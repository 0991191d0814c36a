import torch
from torch import nn

from ganvas.losses.penalties import between, r1_r2, squared_gradient, wgan_gp


def test_the_gradient_of_a_linear_discriminator_is_its_weight():
    weight = torch.randn(1, 2, 3, 3)
    pictures = torch.randn(4, 2, 3, 3, requires_grad=True)
    squared = squared_gradient(pictures, (pictures * weight).sum(dim=(1, 2, 3)))
    torch.testing.assert_close(squared, weight.square().sum().expand(4))


def test_r1_and_r2_take_their_half_of_the_batch():
    squared = torch.tensor([1.0, 3.0, 10.0, 30.0])
    assert r1_r2(squared, r1_gamma=1.0, r2_gamma=0.0).item() == 1.0  # 1/2 * mean(1, 3)
    assert r1_r2(squared, r1_gamma=0.0, r2_gamma=4.0).item() == 40.0  # 4/2 * mean(10, 30)
    assert r1_r2(squared, r1_gamma=1.0, r2_gamma=4.0).item() == 41.0


def test_the_penalty_reaches_the_weights_correctly():
    """Its derivative in a weight, by autograd through the gradient, against finite differences in float64."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 5), nn.Softplus(), nn.Linear(5, 1)).double()
    pictures = torch.randn(4, 2, 2, 2, dtype=torch.float64, requires_grad=True)

    def penalty() -> torch.Tensor:
        gradient = torch.autograd.grad(net(pictures).sum(), pictures, create_graph=True)[0]
        return gradient.square().sum(dim=(1, 2, 3)).mean() / 2

    weight = net[1].weight
    (by_autograd,) = torch.autograd.grad(r1_r2(squared_gradient(pictures, net(pictures)[:, 0]).repeat(2), 1, 0), weight)
    step = 1e-6
    weight.data[2, 3] += step
    above = penalty().item()
    weight.data[2, 3] -= 2 * step
    below = penalty().item()
    assert abs((above - below) / (2 * step) - by_autograd[2, 3].item()) < 1e-5


def test_wgan_gp_is_zero_at_slope_one_and_grows_beside_it():
    pictures = torch.randn(4, 1, 3, 3)
    direction = torch.randn(1, 1, 3, 3)
    direction /= direction.norm()
    for slope, expected in ((1.0, 0.0), (3.0, 4.0), (0.0, 1.0)):
        penalty = wgan_gp(lambda x, slope=slope: slope * (x * direction).sum(dim=(1, 2, 3)), pictures)
        torch.testing.assert_close(penalty, torch.tensor(expected), atol=1e-5, rtol=1e-5)


def test_wgan_gp_has_a_finite_gradient_where_the_slope_is_zero():
    weight = torch.zeros(1, 1, 3, 3, requires_grad=True)
    wgan_gp(lambda x: (x * weight).sum(dim=(1, 2, 3)), torch.randn(4, 1, 3, 3)).backward()
    assert weight.grad is not None
    assert torch.isfinite(weight.grad).all()


def test_penalties_know_rows_of_numbers_too():
    rows, weight = torch.randn(4, 6, requires_grad=True), torch.randn(6)
    torch.testing.assert_close(squared_gradient(rows, rows @ weight), weight.square().sum().expand(4))
    mixed = between(torch.ones(2, 3), -torch.ones(2, 3), torch.tensor([0.0, 0.25]))
    torch.testing.assert_close(mixed[:, 0], torch.tensor([-1.0, -0.5]))


def test_between_lies_on_the_line():
    real, fake = torch.ones(3, 1, 2, 2), -torch.ones(3, 1, 2, 2)
    mixed = between(real, fake, torch.tensor([0.0, 0.25, 1.0]))
    torch.testing.assert_close(mixed[:, 0, 0, 0], torch.tensor([-1.0, -0.5, 1.0]))
