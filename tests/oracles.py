"""What the library must equal, found another way: with padded arrays and loops in NumPy, or with jax.lax.

The NumPy oracles know nothing of the relation between outputs, inputs and taps. They stretch, pad and crop an image of
position numbers and slide a window over it; what each window sees is all that they need.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import jax
import numpy as np

from tests.processors import oracles_on_a_cpu

PADDED, OVERHANG = -1, -2  # what a window sees besides input positions


def widths(padding: Any, in_size: int, kernel_size: int, stride: int, dilation: int, stretch: int) -> tuple[int, int]:
    """The (low, high) padding of one axis, the two SAMEs by lax."""
    length = stretch * (in_size - 1) + 1 if in_size else 0
    extent = dilation * (kernel_size - 1) + 1
    if padding in ("SAME", "SAME_LOWER"):
        (pair,) = jax.lax.padtype_to_pads((length,), (extent,), (stride,), padding)
        return int(pair[0]), int(pair[1])
    words = {"VALID": (0, 0), "FULL": (extent - 1, extent - 1), "CAUSAL": (extent - 1, 0)}
    if isinstance(padding, str):
        return words[padding]
    return (padding, padding) if isinstance(padding, int) else (padding[0], padding[1])


def windows(
    in_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    stretch: Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> np.ndarray:
    """(*out, *kernel) flat input positions, PADDED or OVERHANG: what each window sees through each tap."""
    rank = len(in_size)
    stretch = stretch or (1,) * rank
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    stretched = np.full([u * (n - 1) + 1 if n else 0 for u, n in zip(stretch, in_size, strict=True)], PADDED)
    stretched[tuple(slice(None, None, u) for u in stretch)] = np.arange(np.prod(in_size)).reshape(in_size)
    image = np.pad(stretched, [(max(low, 0), max(high, 0)) for low, high in pads], constant_values=PADDED)
    ends = [(max(-low, 0), n - max(-high, 0)) for (low, high), n in zip(pads, image.shape, strict=True)]
    image = image[tuple(slice(*end) for end in ends)]
    starts = [list(range(0, n - e + 1, s)) for n, e, s in zip(image.shape, extent, stride, strict=True)]
    if ceil_mode:
        for axis, ((low, _), n) in enumerate(zip(pads, in_size, strict=True)):
            after = starts[axis][-1] + stride[axis]
            overhangs = starts[axis][-1] + extent[axis] < image.shape[axis]
            starts[axis] += [after] if overhangs and after < n + low else []
    overhanging = np.pad(image, [(0, e + s) for e, s in zip(extent, stride, strict=True)], constant_values=OVERHANG)
    seen = np.full([*map(len, starts), *kernel_size], PADDED)
    for place in np.ndindex(*map(len, starts)):
        corner = [starts[axis][o] for axis, o in enumerate(place)]
        seen[place] = overhanging[tuple(slice(c, c + e, d) for c, e, d in zip(corner, extent, dilation, strict=True))]
    return seen


def conv(x: np.ndarray, w: np.ndarray, seen: np.ndarray, groups: int = 1, flip: bool = False) -> np.ndarray:
    """Σ w[k]·x[i] for x (b, *in, c_in), output by output."""
    matrix = conv_matrix(w, seen, x.shape[1:-1], groups, flip)
    rank = w.ndim - 2
    return (x.reshape(len(x), matrix.shape[1]) @ matrix.T).reshape(len(x), *seen.shape[:rank], w.shape[-1])


def conv_matrix(
    w: np.ndarray, seen: np.ndarray, in_size: Sequence[int], groups: int = 1, flip: bool = False
) -> np.ndarray:
    """C, entry by entry."""
    rank, (c_group, c_out) = w.ndim - 2, w.shape[-2:]
    out_size, kernel_size = seen.shape[:rank], seen.shape[rank:]
    C = np.zeros((*out_size, c_out, int(np.prod(in_size)), c_group * groups), w.dtype)
    taps = w[(slice(None, None, -1),) * rank] if flip else w
    for o in np.ndindex(*out_size):
        for k in np.ndindex(*kernel_size):
            if seen[o + k] >= 0:
                for c, d in np.ndindex(c_group, c_out):
                    group = d // (c_out // groups)
                    C[(*o, d, seen[o + k], group * c_group + c)] += taps[(*k, c, d)]
    return C.reshape(int(np.prod(out_size)) * c_out, int(np.prod(in_size)) * c_group * groups)


def patch_matrix(
    x: np.ndarray, w_shape: Sequence[int], seen: np.ndarray, groups: int = 1, flip: bool = False
) -> np.ndarray:
    """X(x) for x (b, *in, c_in), entry by entry: a row for each output, a column for each weight."""
    *kernel_size, c_group, c_out = w_shape
    out_size, flat = seen.shape[: len(kernel_size)], x.reshape(len(x), int(np.prod(x.shape[1:-1])), x.shape[-1])
    X = np.zeros((len(x), *out_size, c_out, *kernel_size, c_group, c_out), x.dtype)
    for o, k in product(np.ndindex(*out_size), np.ndindex(*kernel_size)):
        tap = tuple(size - 1 - n for size, n in zip(kernel_size, k, strict=True)) if flip else k
        for d in range(c_out if seen[o + k] >= 0 else 0):
            first = d // (c_out // groups) * c_group
            X[(slice(None), *o, d, *tap, slice(None), d)] = flat[:, seen[o + k], first : first + c_group]
    return X.reshape(int(np.prod(X.shape[: 2 + len(out_size)])), int(np.prod(w_shape)))


def tap_tensor(in_size: int, out_size: int, kernel_size: int, s: int, d: int, u: int, p: int) -> np.ndarray:
    """T[o, k, i] from its definition, triple by triple."""
    T = np.zeros((out_size, kernel_size, in_size), int)
    for o, k, i in np.ndindex(T.shape):
        T[o, k, i] = u * i == s * o + d * k - p
    return T


def lax_conv(
    x: Any,
    w: Any,
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]] | str,
    dilation: Sequence[int],
    stretch: Sequence[int],
    groups: int = 1,
    flip: bool = False,
    preferred_element_type: Any = None,
) -> jax.Array:
    """`lax.conv_general_dilated` on channels-last arrays, x (b, *in, c_in)."""
    rank = w.ndim - 2
    spatial = "HWD"[:rank]
    with oracles_on_a_cpu():
        return jax.lax.conv_general_dilated(
            x,
            w[(slice(None, None, -1),) * rank] if flip else w,
            tuple(stride),
            pads if isinstance(pads, str) else tuple(pads),
            tuple(stretch),
            tuple(dilation),
            (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
            feature_group_count=groups,
            preferred_element_type=preferred_element_type,
        )


def max_winners(x: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """For x (b, *in, c), the flat position that wins each window: the first NaN, or else the first largest."""
    rank = x.ndim - 2
    flat, out_size = x.reshape(len(x), -1, x.shape[-1]), seen.shape[:rank]
    winners = np.full((len(x), *out_size, x.shape[-1]), PADDED)
    for place in product(range(len(x)), *map(range, out_size), range(x.shape[-1])):
        b, *o, c = place
        for i in seen[tuple(o)].ravel():
            best = winners[place]
            if i >= 0 and (best < 0 or _beats(flat[b, i, c], flat[b, best, c])):
                winners[place] = i
    return winners


def _beats(value: Any, best: Any) -> bool:
    return not np.isnan(best) and bool(np.isnan(value) or value > best)


def selection(winners: np.ndarray, in_size: Sequence[int]) -> np.ndarray:
    """S(x), dense: (b·out·c, b·in·c), one 1 per row."""
    batch, channels, positions = len(winners), winners.shape[-1], int(np.prod(in_size))
    S = np.zeros((*winners.shape, batch, positions, channels))
    for place in np.ndindex(*winners.shape):
        S[(*place, place[0], winners[place], place[-1])] = 1
    return S.reshape(winners.size, batch * positions * channels)


def avg_pool(x: np.ndarray, seen: np.ndarray, count_include_pad: bool = False) -> np.ndarray:
    """The average of each window of x (b, *in, c), window by window; the overhang is never counted."""
    rank = x.ndim - 2
    flat, out_size = x.reshape(len(x), -1, x.shape[-1]).astype(np.float64), seen.shape[:rank]
    y = np.zeros((len(x), *out_size, x.shape[-1]))
    for o in np.ndindex(*out_size):
        read = seen[o][seen[o] >= 0]
        count = (seen[o] != OVERHANG).sum() if count_include_pad else read.size
        y[(slice(None), *o)] = flat[:, read].sum(axis=1) / count
    return y
