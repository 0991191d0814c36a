"""A run's whole state as named arrays and back: nets, optimisers, average. What is restored is bit for bit the same."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import CheckpointError, NonFiniteLoss
from ..runs import Run
from .players import Players


def net_arrays(net: nn.Module, prefix: str = "") -> dict[str, np.ndarray]:
    """Weights and buffers by name."""
    return {prefix + name: _array(value) for name, value in net.state_dict().items()}


def check_fits(net: nn.Module, arrays: dict[str, np.ndarray], prefix: str = "") -> None:
    """Raises CheckpointError naming the first weight that is missing or has another shape."""
    for name, value in net.state_dict().items():
        stored = arrays.get(prefix + name)
        if stored is None or tuple(stored.shape) != tuple(value.shape) or stored.dtype.kind not in "fi":
            came = "is missing" if stored is None else f"has shape {tuple(stored.shape)} of {stored.dtype}"
            raise CheckpointError(f"The checkpoint's {prefix + name} {came}; the net needs {tuple(value.shape)}.")


def load_net(net: nn.Module, arrays: dict[str, np.ndarray], prefix: str = "") -> None:
    """`net_arrays` backwards. Raises CheckpointError naming what does not fit; the net is then as it was."""
    check_fits(net, arrays, prefix)
    for name, value in net.state_dict().items():
        value.copy_(torch.from_numpy(arrays[prefix + name]))  # state_dict's tensors are the net's own


def optimizer_arrays(optimizer: Optimizer, prefix: str) -> dict[str, np.ndarray]:
    """Adam's moments and step counts, by the parameter's number: `{prefix}3.exp_avg`."""
    return {
        f"{prefix}{number}.{key}": _array(value)
        for number, slots in optimizer.state_dict()["state"].items()
        for key, value in slots.items()
    }


def load_optimizer(optimizer: Optimizer, arrays: dict[str, np.ndarray], prefix: str) -> None:
    """`optimizer_arrays` backwards; learning rates come from the schedule. Raises CheckpointError for a lost state."""
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in arrays.items():
        if name.startswith(prefix):
            number, _, key = name.removeprefix(prefix).partition(".")
            slots.setdefault(int(number) if number.isdecimal() else -1, {})[key] = torch.from_numpy(value)
    weights = dict(enumerate(weight for group in optimizer.param_groups for weight in group["params"]))
    for number in slots.keys() | weights.keys():
        found = {key: tuple(value.shape) for key, value in slots.get(number, {}).items()}
        shape = tuple(weights[number].shape) if number in weights else None
        if found != {"step": (), "exp_avg": shape, "exp_avg_sq": shape}:
            raise CheckpointError(f"The checkpoint's optimiser {prefix}{number} holds {found}, not Adam's state.")
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def players_arrays(players: Players) -> dict[str, np.ndarray]:
    """Both nets and both optimisers."""
    return {
        **net_arrays(players.bare_G, "G."),
        **net_arrays(players.bare_D, "D."),
        **optimizer_arrays(players.optimizer_g, "adam_g."),
        **optimizer_arrays(players.optimizer_d, "adam_d."),
    }


def load_players(players: Players, arrays: dict[str, np.ndarray]) -> None:
    """`players_arrays` backwards. Raises CheckpointError."""
    load_net(players.bare_G, arrays, "G.")
    load_net(players.bare_D, arrays, "D.")
    load_optimizer(players.optimizer_g, arrays, "adam_g.")
    load_optimizer(players.optimizer_d, arrays, "adam_d.")


def is_finite(net: nn.Module) -> bool:
    """Whether no weight or buffer is NaN or infinite."""
    return all(bool(torch.isfinite(value).all()) for value in net.state_dict().values())


def broken(run: Run, images: int) -> NonFiniteLoss:
    """A loss or a weight is no number any more: what is left, and what to try."""
    last, recipe = run.latest(), run.config.recipe
    kept = f"The checkpoint of {last.kimg:.1f} kimg is kept." if last else "There is no checkpoint yet."
    return NonFiniteLoss(
        f"A loss or a weight became NaN or infinite by {images / 1000:.1f} kimg. {kept} Try, into a new --out: "
        f"half the learning rates (now --generator-lr {recipe.generator_lr:g}, "
        f"--discriminator-lr {recipe.discriminator_lr:g}), a larger --r1-gamma and --r2-gamma "
        f"(now {recipe.r1_gamma:g}, {recipe.r2_gamma:g}), or --recipe canvas."
    )


def _array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().contiguous().numpy()
