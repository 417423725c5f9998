"""Primitives that multiply by an array: contractions, convolutions, transforms and solves."""

import math
from string import ascii_letters
from typing import Any

import jax.numpy as jnp
import numpy as np

from minicnn import maps
from minicnn.axis import Axis
from minicnn.forms import Arithmetic, Geometry, as_form
from minicnn.lift.rules.rule import Equation, Rule, alone, product
from minicnn.maps import LinearMap


def _contraction(eq: Equation, n: int) -> LinearMap:
    """Letters for the axes: those of batches and of sums are shared by both operands."""
    (left_sum, right_sum), (left_batch, right_batch) = eq["dimension_numbers"]
    left = dict(enumerate(ascii_letters[: len(eq.operands[0].shape)]))
    shared = {**dict(zip(right_sum, left_sum, strict=True)), **dict(zip(right_batch, left_batch, strict=True))}
    fresh = iter(ascii_letters[len(left) :])
    right = {a: left[shared[a]] if a in shared else next(fresh) for a in range(len(eq.operands[1].shape))}
    free = [letters[a] for letters, used in ((left, {*left_sum, *left_batch}), (right, {*right_sum, *right_batch}))
            for a in letters if a not in used]  # fmt: skip
    y = "".join([left[a] for a in left_batch] + free)
    spec = ["".join(left.values()), "".join(right.values())]
    return _contract(eq, n, eq.values[1 - n], (spec[n], spec[1 - n], y))


def _contract(eq: Equation, n: int, constant: Any, spec: tuple[str, str, str]) -> LinearMap:
    shape = eq.operands[n].shape
    return maps.Contraction(jnp.asarray(constant), spec, shape, eq.shape, eq.params.get("precision"), eq.dtype)


def _ragged_contraction(eq: Equation, n: int) -> LinearMap | None:
    """Every row of the first operand times the matrix of its group; rows behind the last group are zero."""
    numbers = eq["ragged_dot_dimension_numbers"]
    plain = (((1,), (1,)), ((), ())), (0,), (0,)
    given = numbers.dot_dimension_numbers, numbers.lhs_ragged_dimensions, numbers.rhs_group_dimensions
    if n > 1 or str(given).replace("[", "(").replace("]", ")") != str(plain):
        return None
    ends, rows = np.cumsum(np.asarray(eq.values[2])), np.arange(eq.shape[0])
    group = np.searchsorted(ends, rows, side="right")
    groups, sizes = eq.operands[1].shape[0], eq.operands[1].shape[1:]
    entry = group[:, None, None] * math.prod(sizes) + np.arange(math.prod(sizes)).reshape(sizes)
    positions = jnp.asarray(np.where(group[:, None, None] < groups, entry, -1), jnp.int32)
    pick = maps.Gather(positions, eq.operands[1].shape, positions.shape, eq.dtype)
    if n == 0:
        return _contract(eq, 0, pick(jnp.asarray(eq.values[1])), ("mk", "mkn", "mn"))
    spec = ("mkn", "mk", "mn")
    rows_of = maps.Contraction(jnp.asarray(eq.values[0]), spec, positions.shape, eq.shape, None, eq.dtype)
    return maps.compose(rows_of, pick)


def _convolution(eq: Equation, n: int) -> LinearMap:
    """C(w) for every image, or X(x): between permutations that bring the axes into our order."""
    numbers, axes = eq["dimension_numbers"], _axes(eq)
    feature_groups, image_groups = eq["feature_group_count"], eq["batch_group_count"]
    x, w = eq.operands[0].shape, eq.operands[1].shape
    images, c_in = x[numbers.lhs_spec[0]] // image_groups, x[numbers.lhs_spec[1]] * image_groups
    geometry = Geometry(axes, c_in, w[numbers.rhs_spec[0]], feature_groups * image_groups)
    form, arithmetic = as_form("auto" if axes else "diagonals"), _arithmetic(eq)
    x_last, y_last = ((spec[0], *spec[2:], spec[1]) for spec in (numbers.lhs_spec, numbers.out_spec))
    w_last = (*numbers.rhs_spec[2:], numbers.rhs_spec[1], numbers.rhs_spec[0])
    to_y = maps.Permute(y_last, eq.shape, eq.dtype).T
    to_x = product(*_groups_to_channels(tuple(x[a] for a in x_last), image_groups, eq.dtype),
                   maps.Permute(x_last, x, eq.dtype))  # fmt: skip
    to_w = maps.Permute(w_last, w, eq.dtype)
    if n == 0:
        C = maps.ConvMap(to_w(jnp.asarray(eq.values[1])), geometry, form, arithmetic, eq.dtype)
        return product(to_y, maps.Batched(C, (images,)), to_x)
    X = maps.PatchMap(to_x(jnp.asarray(eq.values[0])), geometry, (images,), form, arithmetic, eq.dtype)
    return product(to_y, X, to_w)


def _arithmetic(eq: Equation) -> Arithmetic:
    return Arithmetic(eq["precision"], eq["preferred_element_type"])


def _axes(eq: Equation) -> tuple[Axis, ...]:
    numbers = eq["dimension_numbers"]
    sizes = (
        [shape[a] for a in spec[2:]]
        for shape, spec in (
            (eq.operands[0].shape, numbers.lhs_spec),
            (eq.shape, numbers.out_spec),
            (eq.operands[1].shape, numbers.rhs_spec),
        )
    )
    steps = eq["window_strides"], eq["rhs_dilation"], eq["lhs_dilation"], eq["padding"]
    rows = zip(*sizes, *steps, strict=True)
    return tuple(Axis(n, o, k, s, d, u, low) for n, o, k, s, d, u, (low, _) in rows)


def _groups_to_channels(shape: tuple[int, ...], groups: int, dtype: jnp.dtype) -> list[LinearMap]:
    """Groups of images side by side as channels: a batch group is a feature group of another arrangement."""
    if groups == 1:
        return []
    images, *size, channels = shape
    apart = (groups, images // groups, *size, channels)
    order = (*range(1, len(size) + 2), 0, len(size) + 2)
    beside = (images // groups, *size, groups * channels)
    move = maps.Permute(order, apart, dtype)
    return [maps.Reshape(move.out_shape, beside, dtype), move, maps.Reshape(shape, apart, dtype)]


def _own_convolution(eq: Equation, n: int) -> LinearMap:
    geometry, images = eq["geometry"], eq.operands[0].shape[:1]
    settings = eq["form"], eq["arithmetic"], eq.dtype
    if n == 0:
        return maps.Batched(maps.ConvMap(jnp.asarray(eq.values[1]), geometry, *settings), images)
    return maps.PatchMap(jnp.asarray(eq.values[0]), geometry, images, *settings)


def _own_correlation(eq: Equation, n: int) -> LinearMap:
    """X(x)ᵀ·z. In τ inputs and outputs are alike: it is X(z)ᵀ·x of the transposed geometry, its channels exchanged."""
    geometry, images = eq["geometry"], eq.operands[0].shape[:1]
    settings = eq["form"], eq["arithmetic"], eq.dtype
    if n == 1:
        return maps.PatchMap(jnp.asarray(eq.values[0]), geometry, images, *settings).T
    X = maps.PatchMap(jnp.asarray(eq.values[1]), geometry.T, images, *settings)
    return maps.compose(maps.exchanged_channels(geometry, eq.dtype), X.T)


def _fourier(eq: Equation, n: int) -> LinearMap:
    """A discrete Fourier transform; of real arrays, half of that of complex ones, or the real part of one."""
    kind, lengths = str(eq["fft_type"]).rpartition(".")[2], tuple(eq["fft_lengths"])
    x, y, rank = eq.operands[0], eq.y, len(lengths)
    if kind in ("FFT", "IFFT", "0", "1"):
        return maps.Fourier(rank, kind in ("IFFT", "1"), x.shape, eq.dtype)
    if kind in ("RFFT", "2"):
        whole = maps.Fourier(rank, False, x.shape, eq.dtype)
        half = maps.Slice((0,) * len(x.shape), y.shape, (1,) * len(x.shape), x.shape, eq.dtype)
        return maps.compose(half, whole, maps.RealPart(x.shape, x.dtype).T)
    bins, length = x.shape[-1], lengths[-1]
    twice = np.where((np.arange(bins) == 0) | (2 * np.arange(bins) == length), 1, 2)
    weights = maps.Diagonal(jnp.broadcast_to(jnp.asarray(twice, x.dtype), x.shape), x.shape, x.dtype)
    half = maps.Slice((0,) * len(x.shape), x.shape, (1,) * len(x.shape), y.shape, x.dtype)
    return maps.compose(maps.RealPart(y.shape, eq.dtype), maps.Fourier(rank, True, y.shape, x.dtype), half.T, weights)


def _triangular_solve(eq: Equation, n: int) -> LinearMap | None:
    if n == 0:
        return None
    names = ("left_side", "lower", "transpose_a", "conjugate_a", "unit_diagonal")
    options = {name: eq[name] for name in names}
    return maps.TriangularSolve(jnp.asarray(eq.values[0]), **options, in_shape=eq.shape, dtype=eq.dtype)


def _tridiagonal_solve(eq: Equation, n: int) -> LinearMap | None:
    below, middle, above = map(jnp.asarray, eq.values[:3])
    return maps.TridiagonalSolve(below, middle, above, eq.shape, eq.dtype) if n == 3 else None


table: dict[str, Rule] = {
    "dot_general": alone(_contraction, "M({c})"),
    "ragged_dot_general": alone(_ragged_contraction, "M({c})"),
    "conv_general_dilated": alone(_convolution, "C({c})", "X({c})"),
    "convolve": alone(_own_convolution, "C({c})", "X({c})"),
    "correlate": alone(_own_correlation, "X({c})ᵀ"),
    "fft": alone(_fourier, "F"),
    "triangular_solve": alone(_triangular_solve, "{c}⁻¹"),
    "tridiagonal_solve": alone(_tridiagonal_solve, "{c}⁻¹"),
}
