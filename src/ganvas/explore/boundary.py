"""A plane between two kinds of latents, by logistic regression. Shen et al. 2020 (InterFaceGAN), sect. 3.2."""

import numpy as np
import torch
import torch.nn.functional as F

RIDGE = 1.0
"""Weight of half the squared length of the normal, against the mean loss. With a weak one the plane hangs on the few
numbers that part the two kinds best, and steps across it change little of what one sees; the stronger it is, the more
the normal is the difference of the means."""


def normal(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The direction, of length 1, from `outside` to `inside`: the normal of the plane that tells them best apart.

    inside, outside: (n, d) and (m, d), at least one each. Both kinds weigh alike, however many of each there are; each
    number is taken in units of its deviation, and the normal given in the numbers' own.
    returns: (d,) float64; 0 where nothing tells them apart.
    """
    x = np.concatenate([inside, outside]).astype(np.float64)
    middle, deviation = x.mean(axis=0), x.std(axis=0)
    used = deviation > 1e-9
    unit = torch.from_numpy((x - middle)[:, used] / deviation[used])
    target = torch.zeros(len(x), dtype=torch.float64)
    target[: len(inside)] = 1
    share = torch.where(target > 0, 0.5 / len(inside), 0.5 / len(outside))
    weight = torch.zeros(int(used.sum()) + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = unit @ weight[1:] + weight[0]
        fit = (share * F.binary_cross_entropy_with_logits(logits, target, reduction="none")).sum()
        value = fit + RIDGE / 2 * weight[1:].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    found = np.zeros(x.shape[1])
    found[used] = weight.detach().numpy()[1:] / deviation[used]
    return found / max(np.linalg.norm(found), 1e-12)
