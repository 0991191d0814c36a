"""EfficientNet-Lite0 as a fixed function of pictures, to learn through: no weight of it is trained, saved or wrapped.

There is one copy for each device, whoever looks through it: it is no part of any module, so neither checkpoints nor
optimisers nor other processes hear of it. In use batch norm is one more product and sum, which here is part of its
convolution's (Jacob et al. 2018, sect. 3.2), so nothing could change with what is seen.
"""

import copy
import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..efficientnet import load

TAPS = {2: 24, 4: 40, 10: 112, 15: 320}
"""Blocks whose outputs are looked at, the last ones at 1/4, 1/8, 1/16 and 1/32 of the side, and their channels."""
STRIDES = (4, 8, 16, 32)
SPREADS = (8.0, 7.5, 6.0, 2.2)
"""About the standard deviation of each of them, on drawings and paintings from 64 to 224 px: within a third."""


class FoldedConvolution(nn.Module):
    """A convolution with its batch norm in it, padded as TensorFlow pads ("same"): the odd pixel at the far end."""

    weight: Tensor
    bias: Tensor

    def __init__(self, convolution: Any, norm: Any) -> None:
        super().__init__()
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        self.register_buffer("weight", (convolution.weight * scale.view(-1, 1, 1, 1)).detach())
        self.register_buffer("bias", (norm.bias - norm.running_mean * scale).detach())
        self.stride, self.groups, self.size = convolution.stride[0], convolution.groups, convolution.kernel_size[0]

    def forward(self, x: Tensor) -> Tensor:
        down, right = (max(0, (-(-side // self.stride) - 1) * self.stride + self.size - side) for side in x.shape[2:])
        if down % 2 or right % 2:
            x, down, right = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2)), 0, 0
        padding = (down // 2, right // 2)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)


class Block(nn.Module):
    """Wider, each channel by itself, narrower; added to its input where that has its shape. Sandler et al. 2018."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.is_added = block._block_args.stride == 1 and block._project_conv.weight.shape[0] == entering(block)
        widens = block._block_args.expand_ratio != 1
        self.widen = FoldedConvolution(block._expand_conv, block._bn0) if widens else None
        self.depthwise = FoldedConvolution(block._depthwise_conv, block._bn1)
        self.narrow = FoldedConvolution(block._project_conv, block._bn2)

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.widen is None else F.relu6(self.widen(x), inplace=True)
        y = F.relu6(self.depthwise(y), inplace=True)
        y = self.narrow(y)
        return x + y if self.is_added else y


def entering(block: Any) -> int:
    """Channels of its input."""
    first = block._expand_conv if block._block_args.expand_ratio != 1 else block._depthwise_conv
    return first.weight.shape[1] * first.groups


class Frozen(nn.Module):
    """(n, 3, H, W) pictures in [-1, 1] -> the outputs of the blocks `TAPS`, finest first, of deviation about 1."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.stem = FoldedConvolution(net._conv_stem, net._bn0)
        self.blocks = nn.ModuleList(Block(block) for block in net._blocks)

    def forward(self, pictures: Tensor, scales: int) -> list[Tensor]:
        """scales: how many, from the finest one on; blocks that none of them needs are left out."""
        x = F.relu6(self.stem(pictures.contiguous(memory_format=torch.channels_last)), inplace=True)
        found: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPS:
                found.append(x / SPREADS[len(found)])
                if len(found) == scales:
                    break
        return found


@functools.cache
def loaded(who: str, install: str) -> Frozen:
    """On the CPU. Raises UsageError as `efficientnet.load`."""
    with torch.inference_mode(False), torch.device("cpu"), torch.no_grad():
        net: Any = Frozen(load(who, install)).eval()
        return net.to(memory_format=torch.channels_last)


@functools.cache
def on(device: torch.device, who: str, install: str) -> Frozen:
    """The same on another device: a copy for each, the first time that it is asked for."""
    with torch.inference_mode(False):
        return copy.deepcopy(loaded(who, install)).to(device)
