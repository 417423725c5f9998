"""The size of what would be stored, and a refusal to build what does not fit."""

import math
import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from minicnn.axis import Axis


def dense_nbytes(out_shape: Sequence[int], in_shape: Sequence[int], dtype: DTypeLike) -> int:
    """How many bytes a dense matrix of this map takes."""
    return math.prod(out_shape) * math.prod(in_shape) * jnp.dtype(dtype).itemsize


def check_fits(out_shape: Sequence[int], in_shape: Sequence[int], dtype: DTypeLike) -> None:
    """Refuse a dense matrix that takes more than half of the memory, before anything is allocated.

    Raises:
        MemoryError: with the size of the matrix and the form to use instead.
    """
    size = f"{math.prod(out_shape)}×{math.prod(in_shape)} {jnp.dtype(dtype).name}"
    instead = 'multiply with form="tiles", or with the map itself, which never stores the zeros'
    check_room(f"the dense matrix is {size}", dense_nbytes(out_shape, in_shape, dtype), instead)


def check_entries_fit(nnz: int, dtype: DTypeLike) -> None:
    """Refuse a list of non-zeros that takes more than half of the memory, before anything is allocated.

    Raises:
        MemoryError: with the length of the list and what to use instead.
    """
    needed = nnz * (2 * np.dtype(np.int64).itemsize + jnp.dtype(dtype).itemsize)
    instead = "take a smaller input, multiply with the map itself, or ask for `nnz`, which lists nothing"
    check_room(f"the list of non-zeros has {nnz:,} entries", needed, instead)


def check_room(what: str, needed: int, instead: str) -> None:
    """Refuse what takes more than half of the memory; the other half is for the arrays that it is computed from.

    Args:
        what: the thing and its size, the beginning of the message.
        needed: its bytes.
        instead: what to do instead.

    Raises:
        MemoryError: with these.
    """
    available = memory()
    if needed > available // 2:
        raise MemoryError(f"{what}, {readable(needed)}, and this machine has {readable(available)}: {instead}")


def check_widened(axis: Axis, nbytes: int) -> None:
    """Refuse an axis whose windows span more padding than the memory holds, before it is padded.

    Raises:
        MemoryError: with the number of positions, for an image of so many bytes.
    """
    what = f"the windows span {axis.read_length:,} positions of an axis of {axis.in_size:,}"
    check_room(what, nbytes // max(axis.in_size, 1) * axis.read_length, "use a smaller dilation, stride or padding")


def memory() -> int:
    """Bytes of memory on the default device, or of the host where the device does not say."""
    stats = jax.devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def readable(nbytes: int) -> str:
    """A number of bytes as people read it.

    >>> readable(19_267_584)
    '18.4 MiB'
    """
    size, units = float(nbytes), ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.1f} {units[0]}" if units[0] != "B" else f"{nbytes} B"
