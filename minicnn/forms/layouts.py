"""Kernels from libraries that put the channels in front: (c_out, c_in / groups, *kernel), and how they are noticed."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from minicnn.arguments import is_integer


@contextmanager
def hinting(hint: Callable[[], str]) -> Iterator[None]:
    """Let a ValueError end with a hint, where there is one."""
    try:
        yield
    except ValueError as error:
        error.args = (f"{error}{hint()}",)
        raise


def in_front(w_shape: Sequence[int], image: Sequence[int], groups: int, name: str = "w") -> str:
    """What to do with a kernel that fits images of a shape with its channels in front, and does not as it is.

    Args:
        w_shape: shape of the kernel.
        image: shape of an image, (*spatial, c).
        groups: number of groups of the convolution.
        name: of the argument: "w" for a kernel, anything else for its shape.
    """
    *spatial, channels = image
    if not is_integer(groups) or w_shape[1] * groups != channels or w_shape[0] % max(groups, 1):
        return ""
    fits = w_shape[-2] * groups == channels and all(k <= n for k, n in zip(w_shape, spatial, strict=False))
    return "" if fits else channels_moved(w_shape, name)


def channels_moved(w_shape: Sequence[int], name: str = "w") -> str:
    """How a kernel with its channels in front, or its shape, becomes one of ours."""
    order = (*range(2, len(w_shape)), 1, 0)
    remedy = f"w.transpose{order}" if name == "w" else tuple(w_shape[axis] for axis in order)
    return f"; if `{name}` is (c_out, c_in / groups, *kernel), use {remedy}"


def warn_of_channels_in_front(w_shape: Sequence[int], callers: int, name: str = "w") -> None:
    """Warn of (n, c, …, c): n outputs of a c×…×c kernel with the channels in front, or a kernel of n×c×… taps.

    Nothing else about a kernel that fits tells what was meant, so a right call is never refused. One axis is not
    looked at, for there (n, c, c) is as common in either order.

    Args:
        w_shape: shape of the kernel.
        callers: how many functions of ours are between this one and the caller that is to be warned.
        name: of the argument, as in `in_front`.
    """
    n, c, *rest = w_shape
    if len(rest) > 1 and n >= _MANY and c > 1 and c % 2 and {*rest} == {c}:
        warnings.warn(
            f"`{name}` of shape {tuple(w_shape)} is taken as a kernel of {'×'.join(map(str, w_shape[:-2]))} taps from "
            f"{c} channels to {c}{channels_moved(w_shape, name)}",
            stacklevel=2 + callers,
        )


# Layers mostly have 8 outputs or more, and kernels of odd sizes; few kernels are as long on one axis and then exactly
# as wide as there are channels at either end. Chosen, not fitted.
_MANY = 8
