"""What usually goes wrong in a layer, and how its matrix looks then: from a wrong matrix to its likely cause.

Every fault yields named candidates, each the matrix that a layer with this fault has. The likely causes of a
difference are the candidates that explain it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np

from minicnn.axis import Axis
from minicnn.identities.materialise import matrix_of
from minicnn.maps import AveragePool, ConvMap, LinearMap, Selection
from minicnn.maps.convolution import structure
from minicnn.maps.windows import OfImages

Candidates = Iterator[tuple[str, np.ndarray]]

# When a candidate explains a difference. Entries of a matrix are taps, or sums and quotients of a few of them, so that
# rounding leaves some units in the last place; a fault of another kind leaves a good part of the difference.
_ROUNDINGS = 8  # units in the last place of the largest entry that may be left
_NOTHING = 1e-4  # the share of the difference that may be left: the scale of a gradient is known to four digits
_MUCH = 4  # less than a quarter of the difference may be left in any case


def likely_causes(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> tuple[str, ...]:
    """Name all faults that explain a wrong matrix.

    Args:
        A: the map that is claimed, where it is known.
        actual: the matrix that was found.
        expected: the matrix of A.
    """
    if not np.isfinite(actual).all():
        return ("values that are not finite",)
    worst = np.argmax(np.abs(actual - expected)) if actual.shape == expected.shape and actual.size else None
    names = []
    for fault in FAULTS:
        for name, candidate in fault(A, actual, expected):
            if name not in names and _explains(candidate, actual, expected, worst):
                names.append(name)
    return tuple(names)


def _explains(candidate: np.ndarray, actual: np.ndarray, expected: np.ndarray, worst: Any) -> bool:
    """Tell whether the candidate leaves nothing of the difference but rounding; the worst entry is asked first."""
    if candidate.shape != actual.shape:
        return False
    if worst is not None:
        found, claimed, tried = (matrix.flat[worst] for matrix in (actual, expected, candidate))
        if abs(found - tried) > abs(found - claimed) / _MUCH:
            return False
    left, rounding = _largest(actual - candidate), _ROUNDINGS * _eps(actual) * _largest(expected)
    if actual.shape != expected.shape:
        return left <= rounding
    difference = _largest(actual - expected)
    return left <= max(_NOTHING * difference, rounding) and left <= difference / _MUCH


def _largest(matrix: np.ndarray) -> float:
    return float(np.abs(matrix).max(initial=0))


def _eps(matrix: np.ndarray) -> float:
    return float(jnp.finfo(matrix.dtype).eps)


def tap_at(A: LinearMap | None, row: int, column: int) -> tuple[int, ...] | None:
    """Find the tap of the kernel that joins an output and an input; None where none does or A has no axes."""
    if A is None or not A.axes:
        return None
    o, i = np.unravel_index(row, A.out_shape), np.unravel_index(column, A.in_shape)
    spatial = slice(-1 - len(A.axes), -1)
    taps = [int(axis.tap_of()[n, m]) for axis, n, m in zip(A.axes, o[spatial], i[spatial], strict=True)]
    return None if any(k == axis.kernel_size for k, axis in zip(taps, A.axes, strict=True)) else tuple(taps)


def _of_numbers(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try the faults that any matrix can have."""
    yield "conjugate missing", expected.conj()
    yield "negated", -expected
    yield "transposed", expected.T
    yield "zero", np.zeros_like(expected)
    if actual.shape == expected.shape and expected.size:
        n = np.unravel_index(np.argmax(np.abs(expected)), expected.shape)
        scale = actual[n] / expected[n] if expected[n] else 1
        yield f"scaled gradient (× {scale:.4g})", scale * expected


def _of_axes(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try the faults of a sliding window: each is another matrix of the same kernel."""
    if A is None or not A.axes or isinstance(A, OfImages):  # which belong to their axes
        return
    for position, axis in enumerate(A.axes):
        for name, other in _other_axes(axis):
            changed = (*A.axes[:position], other, *A.axes[position + 1 :])
            yield f"{name} on axis {position}", matrix_of(A.with_axes(changed))
        yield f"padding off by one on the high side on axis {position}", _last_unread(A, position, expected)
    for name, change in _ON_ALL.items():
        yield name, matrix_of(A.with_axes(tuple(change(axis) for axis in A.axes)))


def _other_axes(axis: Axis) -> Iterator[tuple[str, Axis]]:
    yield "kernel flipped" if axis.dilation > 0 else "kernel not flipped", axis.flipped
    phases = max(axis.stride, axis.stretch)
    for shift in range(1 - phases, phases):
        if shift:
            yield "wrong stride phase", replace(axis, low=axis.low + shift)
    for low in (-1, 0, 1):
        for outputs in (-2, -1, 0, 1, 2):
            if (low or outputs) and axis.out_size + outputs >= 0:
                side = "low" if low else "high"
                other = replace(axis, low=axis.low + low, out_size=axis.out_size + outputs)
                yield f"padding off by one on the {side} side", other
    yield from ((f"{name} ignored", change(axis)) for name, change in _IGNORED.items())


def _undilated(axis: Axis) -> Axis:
    return replace(axis, dilation=1) if axis.dilation > 0 else replace(axis.flipped, dilation=1).flipped


def _unpadded(axis: Axis) -> Axis:
    if axis.dilation < 0:
        return _unpadded(axis.flipped).flipped
    room = axis.stretch * (axis.in_size - 1) - axis.dilation * (axis.kernel_size - 1)
    return replace(axis, low=0, out_size=max(room // axis.stride + 1, 0))


_IGNORED: dict[str, Callable[[Axis], Axis]] = {
    "dilation": _undilated,
    "stride": lambda axis: replace(axis, stride=1),
    "stretch": lambda axis: replace(axis, stretch=1),
    "padding": _unpadded,
}
_ON_ALL: dict[str, Callable[[Axis], Axis]] = {
    "kernel flipped": lambda axis: axis.flipped if axis.dilation > 0 else axis,
    "kernel not flipped": lambda axis: axis.flipped if axis.dilation < 0 else axis,
    "padding off by one on the low side": lambda axis: replace(axis, low=axis.low + 1),
    "padding off by one on the high side": lambda axis: replace(axis, low=axis.low - 1),
    "wrong stride phase": lambda axis: replace(axis, low=axis.low + 1 - axis.stride),
} | {f"{name} ignored": change for name, change in _IGNORED.items()}


def _last_unread(A: Any, position: int, expected: np.ndarray) -> np.ndarray:
    matrix = expected.reshape(*A.out_shape, *A.in_shape).copy()
    matrix[(slice(None),) * (len(A.out_shape) + position) + (-1,)] = 0
    return matrix.reshape(expected.shape)


def _of_kernel(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try the faults in reading the kernel: its axes, its channels, its groups."""
    if not isinstance(A, ConvMap):
        return
    w, g = np.asarray(A.w), A.geometry
    for a, b in combinations(range(len(g.axes)), 2):
        if w.shape[a] == w.shape[b]:
            yield "kernel axes swapped", _with_kernel(A, w.swapaxes(a, b))
    c, d = w.shape[-2:]
    yield "channels swapped", _with_kernel(A, w.reshape(*w.shape[:-2], d, c).swapaxes(-1, -2))
    yield "channels swapped", _with_kernel(A, w[..., ::-1, :])
    yield "channels swapped", _with_kernel(A, w[..., ::-1])
    yield "channels swapped", _with_kernel(A, w[..., ::-1, ::-1])
    if g.groups > 1:
        split = w.reshape(g.split_shape)
        yield "groups mixed up", _with_kernel(A, split.swapaxes(-1, -2).reshape(w.shape))
        grouped = split.reshape(*split.shape[:-2], g.c_out // g.groups, g.groups)
        yield "groups mixed up", _with_kernel(A, grouped.swapaxes(-1, -2).reshape(w.shape))
        blocks = expected.reshape(*A.out_shape, -1, g.groups, g.c_in // g.groups)
        for shift in range(1, g.groups):
            yield "groups mixed up", np.roll(blocks, shift, axis=-2).reshape(expected.shape)
        yield "groups mixed up", blocks.swapaxes(-1, -2).reshape(expected.shape)
        outputs = expected.reshape(-1, g.groups, g.c_out // g.groups, expected.shape[1])
        yield "groups mixed up", outputs.swapaxes(1, 2).reshape(expected.shape)


def _with_kernel(A: ConvMap, w: np.ndarray) -> np.ndarray:
    rows, columns, flat = structure(A.geometry)
    matrix = np.zeros(A.shape, w.dtype)
    matrix[rows, columns] = w.ravel()[flat]
    return matrix


def _of_order(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try outputs or inputs that are laid out with the channel first."""
    if A is None or min(len(A.in_shape), len(A.out_shape)) < 2:
        return
    rows = np.moveaxis(np.arange(A.shape[0]).reshape(A.out_shape), -1, 0).ravel()
    columns = np.moveaxis(np.arange(A.shape[1]).reshape(A.in_shape), -1, 0).ravel()
    yield "outputs channel first", expected[rows]
    yield "inputs channel first", expected[:, columns]
    yield "outputs and inputs channel first", expected[rows][:, columns]


def _of_overlap(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try to let only one of several overlapping windows count: the first or the last to write."""
    if A is None or min(len(A.in_shape), len(A.out_shape)) < 2:
        return
    blocks = expected.reshape(-1, A.out_shape[-1], A.shape[1] // A.in_shape[-1], A.in_shape[-1])
    channelwise = isinstance(A, Selection)
    met = blocks != 0 if channelwise else (blocks != 0).any((1, 3), keepdims=True)
    for axis in (0, 2):
        for first in (True, False):
            ordered = met if first else np.flip(met, axis)
            kept = ordered & (np.cumsum(ordered, axis) == 1)
            kept = kept if first else np.flip(kept, axis)
            yield "overlap overwritten instead of added", np.where(kept, blocks, 0).reshape(expected.shape)


def _of_taps(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try to drop one tap, or one weight, to which all entries that differ belong."""
    if actual.shape != expected.shape:
        return
    rows, columns = np.nonzero((actual != expected) & (expected != 0))
    if not len(rows):
        return
    tap = tap_at(A, int(rows[0]), int(columns[0]))
    if A is None or tap is None:
        return
    matrix = expected.reshape(*A.out_shape, *A.in_shape).copy()
    window = np.ones((1,), bool)
    for axis, k in zip(A.axes, tap, strict=True):
        window = np.logical_and.outer(window, axis.tap_of() == k)
    rank = len(tap)
    window = window.transpose(0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2))[0]
    out, into = ((*(1,) * (len(shape) - rank - 1), *shape[-1 - rank : -1], 1) for shape in (A.out_shape, A.in_shape))
    joined = window.reshape(*out, *into)
    yield f"tap {tap} dropped", np.where(joined, 0, matrix).reshape(expected.shape)
    o, i = np.zeros(A.out_shape[-1], bool), np.zeros(A.in_shape[-1], bool)
    o[rows % len(o)], i[columns % len(i)] = True, True
    one = joined & o.reshape(-1, *(1,) * len(A.in_shape)) & i
    yield f"tap {tap} dropped", np.where(one, 0, matrix).reshape(expected.shape)


def _of_selection(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try to split the gradient of a maximum that is reached more than once, or to give it to another position."""
    if not isinstance(A, Selection) or actual.shape != expected.shape:
        return
    wrong = np.flatnonzero((actual != expected).any(1))
    support = actual[wrong] != 0
    shares = support / np.maximum(support.sum(1, keepdims=True), 1)
    matrix = expected.copy()
    matrix[wrong] = shares
    includes = (support | (expected[wrong] == 0)).all()
    if len(wrong) and includes and (support.sum(1) > 1).all() and _within_windows(A, wrong, support):
        yield "tie split", matrix
    if len(wrong) and (support.sum(1) == 1).all() and _within_windows(A, wrong, support):
        yield "tie given to another position", matrix


def _within_windows(A: Selection, rows: np.ndarray, support: np.ndarray) -> bool:
    outputs, inputs = np.unravel_index(rows, A.out_shape), np.unravel_index(np.arange(A.shape[1]), A.in_shape)
    lead = len(A.lead)
    reached = outputs[-1][:, None] == inputs[-1]
    for n, axis in enumerate(A.axes, start=lead):
        reached &= (axis.tap_of() < axis.kernel_size)[outputs[n][:, None], inputs[n]]
    return bool((reached | ~support).all())


def _of_average(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try the other answer to whether padding counts in an average."""
    if isinstance(A, AveragePool):
        everywhere = tuple((axis.kernel_size * abs(axis.dilation),) * 2 for axis in A.axes)
        yield "padding counted in the average", matrix_of(replace(A, counted=everywhere))
        yield "padding not counted in the average", matrix_of(replace(A, counted=((0, 0),) * len(A.axes)))


def _of_entries(A: LinearMap | None, actual: np.ndarray, expected: np.ndarray) -> Candidates:
    """Try to drop entries, and to move all of them by one, where no window says what that would mean."""
    if actual.shape != expected.shape or (A is not None and A.axes):
        return
    dropped = (actual == 0) & (expected != 0)
    if dropped.any() and actual.any():
        count = int(dropped.sum())
        yield "an entry dropped" if count == 1 else f"{count:,} entries dropped", np.where(dropped, 0, expected)
    if A is None:
        return
    whole = expected.reshape(*A.out_shape, *A.in_shape)
    for place, size in enumerate(whole.shape):
        axis = place if place < len(A.out_shape) else place - len(A.out_shape)
        for shift in (-1, 1) if size > 1 else ():
            rolled = np.roll(whole, shift, place)
            yield f"shifted by one on axis {axis}", rolled.reshape(expected.shape)
            entered = np.arange(size) == (0 if shift > 0 else size - 1)
            entered = entered.reshape(-1, *(1,) * (whole.ndim - place - 1))
            yield f"shifted by one on axis {axis}", np.where(entered, 0, rolled).reshape(expected.shape)


FAULTS: tuple[Callable[[LinearMap | None, np.ndarray, np.ndarray], Candidates], ...] = (
    _of_numbers,
    _of_axes,
    _of_kernel,
    _of_order,
    _of_overlap,
    _of_taps,
    _of_selection,
    _of_average,
    _of_entries,
)
