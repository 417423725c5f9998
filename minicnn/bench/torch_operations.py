"""The same operations in PyTorch, where it is installed."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.bench import resnet18
from minicnn.bench.cases import Case

Function = Callable[..., Any]


def function(case: Case) -> Function:
    """The operation on channels-first tensors."""
    from torch.nn import functional

    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[case.rank - 1]
    low = [low for low, _ in case.widths]

    def conv(x: Any, w: Any) -> Any:
        if all(low == high for low, high in case.widths):
            return convolve(x, w, None, case.stride, low, case.dilation, case.groups)
        flat = [width for pair in reversed(case.widths) for width in pair]
        return convolve(functional.pad(x, flat), w, None, case.stride, 0, case.dilation, case.groups)

    table: dict[str, Function] = {
        "conv": conv,
        "conv_transpose": lambda y, w: functional.conv_transpose2d(y, w, None, case.stride, 1),
        "max_pool": lambda x: functional.max_pool2d(x, case.kernel, case.stride),
        "avg_pool": lambda x: functional.avg_pool2d(x, case.kernel, case.stride),
        "lenet": _lenet,
        "resnet18": _resnet18,
    }
    return table[case.operation]


def operands(case: Case, channels_last: bool) -> tuple[Any, ...]:
    """What the function takes: tensors that want gradients; of the network, its images and parameters."""
    import torch

    def tensor(array: np.ndarray, wanted: bool = True) -> Any:
        made = torch.from_numpy(np.ascontiguousarray(array))
        if channels_last and made.ndim == 4:
            made = made.contiguous(memory_format=torch.channels_last)
        return made.requires_grad_(wanted)

    if case.network:
        images = np.moveaxis(case.operands()[0], -1, 1)
        return tensor(images, wanted=False), *map(tensor, _PARAMETERS[case.operation](case))
    arrange = (lambda x: np.moveaxis(x, -1, 1), _channels_first)
    return tuple(tensor(turn(array)) for turn, array in zip(arrange, case.operands(), strict=False))


def _channels_first(w: np.ndarray) -> np.ndarray:
    return np.moveaxis(w, (-1, -2), (0, 1))


_LENET = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 16, 5, 5), (120,), (84, 120), (84,), (10, 84), (10,))


def _lenet_parameters(case: Case) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [0.1 * rng.standard_normal(shape).astype("float32") for shape in _LENET]


def _resnet18_parameters(case: Case) -> list[np.ndarray]:
    *layers, (w, b) = resnet18.init(case.c_in, case.c_out)
    convolutions = [(_channels_first(np.array(kernel)), scale, shift) for kernel, scale, shift in layers]
    return [np.array(each) for layer in [*convolutions, (w.T, b)] for each in layer]


_PARAMETERS = {"lenet": _lenet_parameters, "resnet18": _resnet18_parameters}


def _lenet(x: Any, *params: Any) -> Any:
    import torch
    from torch.nn import functional

    x = functional.max_pool2d(functional.relu(functional.conv2d(x, *params[0:2])), 2)
    x = functional.max_pool2d(functional.relu(functional.conv2d(x, *params[2:4])), 2)
    x = functional.relu(functional.conv2d(x, *params[4:6])).flatten(1)
    x = functional.linear(functional.relu(functional.linear(x, *params[6:8])), *params[8:10])
    return functional.cross_entropy(x, torch.arange(len(x)) % 10)


def _resnet18(x: Any, *params: Any) -> Any:
    import torch
    from torch.nn import functional

    left = iter(zip(*(iter(params[:-2]),) * 3, [stride for *_, stride in resnet18.kernels(x.shape[1])], strict=True))

    def convolved(x: Any) -> Any:
        w, scale, shift, stride = next(left)
        y = functional.conv2d(x, w, None, stride, w.shape[-1] // 2)
        return functional.batch_norm(y, None, None, scale, shift, training=True)

    x = functional.relu(convolved(x))
    for width, first in resnet18.STAGES:
        for stride in (first, 1):
            y = convolved(functional.relu(convolved(x)))
            x = functional.relu(y + (convolved(x) if (x.shape[1], stride) != (width, 1) else x))
    scores = functional.linear(x.mean((2, 3)), *params[-2:])
    return functional.cross_entropy(scores, torch.arange(len(scores)) % scores.shape[1])
