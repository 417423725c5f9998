"""The catalogue: what the matrices of a network claim, each a function from a layer to the two sides of the claim.

All arrays are small integers, so both sides are exact and no difference is allowed, but where a division, a root or a
Fourier transform has a rounding bound of its own.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from minicnn import ops
from minicnn.axis import Axis
from minicnn.forms.tables import MODES
from minicnn.functional import (
    add_bias,
    avg_pool,
    conv,
    conv_map,
    conv_transpose,
    fold,
    local_conv,
    lp_pool,
    max_pool,
    pad,
    patch_map,
    tie,
    unfold,
)
from minicnn.functional.lp_pooling import lp_pool_map_at
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at
from minicnn.identities.comparison import Comparison, Tolerance, compare
from minicnn.identities.examples import Example
from minicnn.identities.function import Function
from minicnn.identities.materialise import materialise, matrix_of
from minicnn.identities.rounding import gamma
from minicnn.maps import Dense, Diagonal, LinearMap, Reshape


class Sides(NamedTuple):
    """The two sides of an identity, and how far they may lie apart."""

    actual: Any
    expected: Any
    bound: Any = 0.0
    what: str = ""


class DoesNotApplyError(Exception):
    """The identity says nothing about this layer; the message says why."""


@dataclass(frozen=True)
class Identity:
    """One claim about layers.

    Attributes:
        name: what it is called.
        formula: what it says.
        sides: from a layer to the sides of the claim.
    """

    name: str
    formula: str
    sides: Callable[[Example], Iterator[Sides]]

    @property
    def explanation(self) -> str:
        """The first line of the function's documentation."""
        return (self.sides.__doc__ or "").partition("\n")[0]

    def check(self, example: Example) -> tuple[Comparison, ...]:
        """Compare the sides for one layer.

        Raises:
            DoesNotApplyError: if the identity says nothing about this layer.
        """
        with jax.default_matmul_precision("highest"):
            return tuple(
                compare(f"{self.name}: {s.what or self.formula}", s.actual, s.expected, lambda s=s: Tolerance(s.bound))
                for s in self.sides(example)
            )


CATALOGUE: dict[str, Identity] = {}


# Bytes for an entry of a matrix with what is beside it: a side or a factor; what `certify` compares; and in the Fourier
# basis, where no entry is exact.
_SIDE, _CERTIFIED, _ROUNDED = 24, 48, 192


def held(s: Example) -> Iterator[tuple[str, int, int, int]]:
    """The largest matrices that are laid out for a layer: what they are, rows, columns, and bytes with what is beside.

    That of the layer is not the largest: with few outputs its products with its transpose are.
    """
    (outputs, inputs), weights, (there, here) = s.map.shape, s.w.size, s.positions
    shapes = {
        "Cᵀ·C": (inputs, inputs),
        "the Jacobian of a rectifier": (outputs, outputs),
        "Pad": (math.prod(n + 2 for n in s.in_size) * s.c_in, inputs),
        "X": (outputs, weights),
    }
    if s.plain:
        taps = weights // s.c_out
        shapes |= {"U": (there * taps, inputs), "I ⊗ wᵀ": (outputs, there * taps), "E": (there * weights, weights)}
    yield "C", outputs, inputs, _CERTIFIED * outputs * inputs
    yield from ((what, *shape, _SIDE * math.prod(shape)) for what, shape in shapes.items())
    yield "F", here, here, _ROUNDED * here**2


def _identity(name: str, formula: str) -> Callable[[Callable[[Example], Iterator[Sides]]], Any]:
    def register(sides: Callable[[Example], Iterator[Sides]]) -> Any:
        CATALOGUE[name] = Identity(name, formula, sides)
        return sides

    return register


def _needs(condition: bool, why: str) -> None:
    if not condition:
        raise DoesNotApplyError(why)


def _vec(x: Any) -> np.ndarray:
    return np.asarray(x).ravel()


def _matrix(f: Callable[..., Any], x: Any, way: str = "one-hot inputs") -> np.ndarray:
    return materialise(Function(f, (x,)), way)


@_identity("forward", "conv(x, w) = C(w)·vec(x)")
def forward(s: Example) -> Iterator[Sides]:
    """Convolution is multiplication by C."""
    yield Sides(_vec(s.conv(s.x, s.w)), s.C @ _vec(s.x))


@_identity("input gradient", "x̄ = Cᵀ·ȳ")
def input_gradient(s: Example) -> Iterator[Sides]:
    """Backpropagation to the input is multiplication by the transpose of C, at every ȳ."""
    yield Sides(_matrix(lambda x: s.conv(x, s.w), s.x, "vjp"), s.C)


@_identity("weight gradient", "w̄ = Xᵀ·ȳ")
def weight_gradient(s: Example) -> Iterator[Sides]:
    """Backpropagation to the weights is multiplication by the transpose of the patch matrix X."""
    X = matrix_of(patch_map(s.x, s.w.shape, **s.options))
    yield Sides(_matrix(lambda w: s.conv(s.x, w), s.w, "vjp"), X)


@_identity("two faces", "C(w)·vec(x) = X(x)·vec(w)")
def two_faces(s: Example) -> Iterator[Sides]:
    """One trilinear form: fixing the weights gives C, fixing the image gives X."""
    X = matrix_of(patch_map(s.x, s.w.shape, **s.options))
    yield Sides(s.C @ _vec(s.x), X @ _vec(s.w))


@_identity("batch", "w̄ = Σ_b X(x_b)ᵀ·ȳ_b")
def batch_gradient(s: Example) -> Iterator[Sides]:
    """The weight gradient of a batch is the sum over its images."""
    xs, ys = jnp.stack([s.x, 2 * s.x]), jnp.stack([s.y, -s.y + 1])
    (w_bar,) = jax.vjp(lambda w: s.conv(xs, w), s.w)[1](ys)
    each = [matrix_of(patch_map(x, s.w.shape, **s.options)).T @ _vec(y) for x, y in zip(xs, ys, strict=True)]
    yield Sides(_vec(w_bar), sum(each))


@_identity("bias", "b̄ = 1ᵀ·ȳ")
def bias(s: Example) -> Iterator[Sides]:
    """The gradient of the bias of a channel is the sum of the cotangents of its positions."""
    b = s.integers(s.c_out)
    ones = np.kron(np.ones((s.positions[0], 1)), np.eye(s.c_out))
    yield Sides(_matrix(lambda b: add_bias(s.y, b), b, "vjp"), ones)


@_identity("dot product", "⟨C x, y⟩ = ⟨x, Cᵀ y⟩")
def dot_product(s: Example) -> Iterator[Sides]:
    """The test of an adjoint by one pair of vectors."""
    (x_bar,) = jax.vjp(lambda x: s.conv(x, s.w), s.x)[1](s.y)
    left, right = np.vdot(_vec(s.conv(s.x, s.w)), _vec(s.y)), np.vdot(_vec(s.x), _vec(x_bar))
    yield Sides([left], [right])


@_identity("transposed twice", "(Cᵀ)ᵀ = C")
def transposed_twice(s: Example) -> Iterator[Sides]:
    """The family of axes is closed under transposition: C and Cᵀ are one code on two relations."""
    yield Sides(matrix_of(s.map.T), s.C.T, what="Cᵀ on the transposed axes")
    yield Sides(matrix_of(s.map.T.T), s.C)


@_identity("transposed convolution", "conv_transpose(y, w) = Cᵀ·vec(y)")
def transposed_convolution(s: Example) -> Iterator[Sides]:
    """The transposed convolution with the arguments of a convolution is multiplication by its transpose."""
    back = conv_transpose(s.y, s.w, output_size=s.in_size, **s.options)
    yield Sides(_vec(back), s.C.T @ _vec(s.y))


@_identity("stretched", "Cᵀ·y = conv(stretch(y), flip(w))")
def stretched(s: Example) -> Iterator[Sides]:
    """A transposed convolution is the full convolution of the stretched input with the flipped kernel."""
    _needs(s.plain, "stated for a convolution without groups, stretching and flipping")
    w = s.w[(slice(None, None, -1),) * s.rank].swapaxes(-1, -2)
    pads = []
    for axis in s.axes:
        span = axis.dilation * (axis.kernel_size - 1)
        low = span - axis.low
        pads.append((low, axis.in_size - 1 + span - axis.stride * (axis.out_size - 1) - low))
    stride = tuple(axis.stride for axis in s.axes)
    x = conv(s.y, w, stretch=stride, dilation=tuple(axis.dilation for axis in s.axes), padding=tuple(pads))
    yield Sides(_vec(x), s.C.T @ _vec(s.y))


@_identity("linear in w", "C(a + 2b) = C(a) + 2·C(b)")
def linear_in_weights(s: Example) -> Iterator[Sides]:
    """C is linear in its kernel."""
    other = s.w[::-1] - 3
    maps = [matrix_of(s.map_of(w)) for w in (s.w + 2 * other, s.w, other)]
    yield Sides(maps[0], maps[1] + 2 * maps[2])


@_identity("forms", "every form multiplies by the same C")
def forms(s: Example) -> Iterator[Sides]:
    """Dense, tiles and diagonals are one matrix, stored in three ways."""
    for form in ("dense", "tiles", "diagonals"):
        yield Sides(_vec(conv(s.x, s.w, form=form, **s.options)), s.C @ _vec(s.x), what=form)


@_identity("Toeplitz", "C[o + u, i + s] = C[o, i]")
def toeplitz(s: Example) -> Iterator[Sides]:
    """Zero padding: C is doubly block Toeplitz; its entries repeat, s inputs further for every u outputs."""
    _needs("padding_mode" not in s.options, "the padding has a matrix of its own")
    blocks = s.C.reshape(*s.map.out_shape, *s.map.in_shape)
    for n, axis in enumerate(s.axes):
        o, i = n, s.rank + 1 + n
        moved = np.take(np.take(blocks, range(axis.stretch, axis.out_size), o), range(axis.stride, axis.in_size), i)
        kept = np.take(np.take(blocks, range(axis.out_size - axis.stretch), o), range(axis.in_size - axis.stride), i)
        yield Sides(moved, kept, what=f"along axis {n}")


@_identity("equivariance", "C·S = S·C, away from the edges")
def equivariance(s: Example) -> Iterator[Sides]:
    """A shifted image gives a shifted output: where windows lie inside, a shift by s inputs is one by an output."""
    _needs("padding_mode" not in s.options and "stretch" not in s.options, "stated for zero padding without stretching")
    axes = [(n, axis, _beside(axis)) for n, axis in enumerate(s.axes)]
    _needs(any(outputs for *_, outputs in axes), "no two neighbouring windows lie inside")
    for n, axis, outputs in axes:
        after, before = (np.asarray(s.conv(x, s.w)) for x in (jnp.roll(s.x, axis.stride, n), s.x))
        earlier = [o - 1 for o in outputs]
        yield Sides(after.take(outputs, n), before.take(earlier, n), what=f"along axis {n}")


def _beside(axis: Axis) -> list[int]:
    """The outputs whose window lies inside, and whose neighbour's before does."""
    inside: Any = (axis.input_of() >= 0).all(1)
    return [o for o in range(1, axis.out_size) if inside[o] and inside[o - 1]]


def _circular(s: Example, **options: Any) -> Example:
    _needs(all(k <= n for k, n in zip(s.kernel_size, s.in_size, strict=True)), "the kernel is larger than the circle")
    return s.with_options(padding="SAME", padding_mode="circular", **options)


@_identity("circular equivariance", "C·S = S·C")
def circular_equivariance(s: Example) -> Iterator[Sides]:
    """Circular padding: C commutes with every cyclic shift, so it is doubly block circulant."""
    c = _circular(s)
    for n in range(c.rank):
        S = np.roll(np.eye(c.C.shape[0]).reshape(*c.in_size, -1), 1, n).reshape(c.C.shape)
        yield Sides(c.C @ S, S @ c.C, what=f"along axis {n}")


@_identity("Fourier", "F·C·F⁻¹ = diag(fft(w))")
def fourier(s: Example) -> Iterator[Sides]:
    """The doubly block circulant C of a true convolution is diagonal in the Fourier basis, with eigenvalues fft(w)."""
    c = _circular(s, flip=True)
    embedded = np.zeros(c.in_size)
    for k in np.ndindex(*c.kernel_size):
        centre = [(n - 1) - (n - 1) // 2 for n in c.kernel_size]
        embedded[tuple((a - b) % n for a, b, n in zip(k, centre, c.in_size, strict=True))] += np.asarray(c.w)[k][0, 0]
    F = np.asarray(reduce(np.kron, [np.fft.fft(np.eye(n)) for n in c.in_size]))
    inverse = F.conj().T / len(F)
    bound = gamma(8 * len(F), np.float64) * np.abs(c.C).sum()
    yield Sides(F @ c.C @ inverse, np.diag(np.fft.fftn(embedded).ravel()), bound)


@_identity("commutativity", "a ∗ b = b ∗ a")
def commutativity(s: Example) -> Iterator[Sides]:
    """True convolution commutes: image and kernel may change places."""
    a, b = s.integers(*s.in_size), s.integers(*s.kernel_size)
    full: dict[str, Any] = {"padding": "FULL", "flip": True}
    left = conv(a[..., None], b[..., None, None], **full)
    yield Sides(left, conv(b[..., None], a[..., None, None], **full))


@_identity("separable", "C(a ⊗ b) = C(a) ⊗ C(b)")
def separable(s: Example) -> Iterator[Sides]:
    """The C of a separable kernel is a Kronecker product."""
    _needs("padding_mode" not in s.options, "the padding has a matrix of its own")
    options = {name: value for name, value in s.options.items() if name not in ("groups", "mask")}
    factors = [s.integers(k) for k in s.kernel_size]
    w = reduce(np.multiply.outer, factors)
    along = [
        matrix_of(_one_axis(replace(s, options=options), n).map_of(factor[:, None, None]))
        for n, factor in enumerate(factors)
    ]
    yield Sides(matrix_of(replace(s, options=options).map_of(w[..., None, None])), reduce(np.kron, along))


def _one_axis(s: Example, n: int) -> Example:
    """The layer along one axis."""
    options = {name: (v[n],) if isinstance(v, tuple | list) else v for name, v in s.options.items()}
    return Example((s.in_size[n],), (s.kernel_size[n],), options=options)


@_identity("composition", "conv ∘ conv has the matrix C₂·C₁")
def composition(s: Example) -> Iterator[Sides]:
    """Layers one after the other: their matrices multiply, and the transposes in reverse order."""
    second = s.integers(*(min(2, n) for n in s.map.out_shape[:-1]), s.c_out, 2)
    C2 = matrix_of(conv_map(second, s.map.out_shape[:-1]))
    both = lambda x: conv(s.conv(x, s.w), second)
    yield Sides(_matrix(both, s.x), C2 @ s.C)
    yield Sides(_matrix(both, s.x, "vjp").T, s.C.T @ C2.T, what="backwards C₁ᵀ·C₂ᵀ")


@_identity("Gauss-Newton", "∇² ½‖C x − y‖² = Cᵀ·C")
def gauss_newton(s: Example) -> Iterator[Sides]:
    """The Hessian of the squared error of a linear layer is CᵀC, whatever the target."""
    gradient = jax.grad(lambda x: 0.5 * ((s.conv(x, s.w) - s.y) ** 2).sum())
    yield Sides(_matrix(gradient, s.x, "jvp"), s.C.T @ s.C)


@_identity("im2col", "C = (I ⊗ wᵀ)·U and fold = Uᵀ")
def im2col(s: Example) -> Iterator[Sides]:
    """Convolution is unfolding followed by one small product at every position; folding is its transpose."""
    _needs(s.plain, "stated for a convolution without groups, stretching and flipping")
    U = _matrix(lambda x: unfold(x, s.kernel_size, **s.options), s.x)
    W = np.kron(np.eye(s.positions[0]), np.asarray(s.w).reshape(-1, s.c_out).T)
    yield Sides(W @ U, s.C)
    windows = s.integers(s.positions[0], U.shape[0] // s.positions[0])
    p = windows.reshape(*s.map.out_shape[:-1], -1)
    yield Sides(_vec(fold(p, s.in_size, s.kernel_size, **s.options)), U.T @ _vec(p), what="fold = Uᵀ")


@_identity("padding", "conv with padding = C·Pad")
def padding(s: Example) -> Iterator[Sides]:
    """Padding is a matrix, too; its transpose adds what was copied."""
    _needs("stretch" not in s.options, "only zeros can pad a stretched input")
    _needs(min(s.in_size) > 1, "a side of one position has nothing to reflect")
    options = {name: value for name, value in s.options.items() if name not in ("padding", "padding_mode")}
    bare = replace(s, in_size=tuple(n + 2 for n in s.in_size), options=options)  # with the same seed
    for mode in MODES:
        P = _matrix(lambda x, mode=mode: pad(x, [(1, 1)] * s.rank, mode), s.x)
        padded = replace(s, options={**options, "padding": 1, "padding_mode": mode})
        yield Sides(_matrix(lambda x, padded=padded: padded.conv(x, s.w), s.x, "vjp"), bare.C @ P, what=mode)


@_identity("max pool", "x̄ = S(x)ᵀ·ȳ")
def max_pooling(s: Example) -> Iterator[Sides]:
    """The Jacobian of a max pool is a selection, one 1 per row; ties go to the first, overlaps add."""
    stride = s.options.get("stride", 1)
    S = matrix_of(max_pool_map_at(s.x, s.kernel_size, stride=stride))
    yield Sides(_matrix(lambda x: max_pool(x, s.kernel_size, stride=stride), s.x, "vjp"), S)
    yield Sides(S.sum(1), np.ones(len(S)), what="one 1 per row")
    yield Sides(S @ _vec(s.x), _vec(max_pool(s.x, s.kernel_size, stride=stride)), what="max_pool(x) = S(x)·x")


@_identity("average pool", "x̄ = Sᵀ·diag(1/count)·ȳ")
def average_pooling(s: Example) -> Iterator[Sides]:
    """The matrix of an average pool is constant: window sums, divided by their counts."""
    stride = s.options.get("stride", 1)
    A = matrix_of(avg_pool_map(s.x.shape, s.kernel_size, stride=stride))
    J = _matrix(lambda x: avg_pool(x, s.kernel_size, stride=stride), s.x, "vjp")
    yield Sides(J, A, gamma(4, np.float32) * np.abs(A))


@_identity("Lp pool", "∂‖x‖ₚ/∂x = sign(x)·(|x|/y)ᵖ⁻¹")
def lp_pooling(s: Example) -> Iterator[Sides]:
    """The row of a window in the Jacobian of an Lp pool is the direction of its dual vector."""
    taps, stride = math.prod(s.kernel_size), s.options.get("stride", 1)
    J = _matrix(lambda x: lp_pool(x, s.kernel_size, stride=stride), s.x, "vjp")
    A = np.asarray(lp_pool_map_at(s.x, s.kernel_size, stride=stride).matrix())
    yield Sides(J, A, gamma(2 * taps + 8, np.float32) * np.abs(A))
    y = _vec(lp_pool(s.x, s.kernel_size, stride=stride)).astype(np.float64)
    bound = gamma(4 * taps + 16, np.float32) * np.abs(A).astype(np.float64) @ np.abs(_vec(s.x))
    yield Sides(J.astype(np.float64) @ _vec(s.x), y, bound, what="J·x = y, as for every norm")


@_identity("activation", "x̄ = diag(f′(x))·ȳ")
def activation(s: Example) -> Iterator[Sides]:
    """The Jacobian of an elementwise function is a diagonal."""
    x = s.x / 4
    z = _vec(x).astype(np.float64)
    logistic = 1 / (1 + np.exp(-z))
    cases = {
        "relu": (ops.relu, (z > 0).astype(np.float64)),
        "tanh": (ops.tanh, 1 - np.tanh(z) ** 2),
        "sigmoid": (ops.sigmoid, logistic * (1 - logistic)),
    }
    for name, (f, derivative) in cases.items():
        yield Sides(_matrix(f, x, "vjp"), np.diag(derivative), 16 * gamma(1, np.float32), what=name)


@_identity("tied weights", "local(x, E·w) = conv(x, w)")
def tied_weights(s: Example) -> Iterator[Sides]:
    """A locally connected layer whose kernels are tied is a convolution; tying is E, and w̄ = Eᵀ·W̄ adds the copies."""
    _needs(s.plain, "stated for a convolution without groups, stretching and flipping")
    out, tile = s.map.out_shape[:-1], (1,) * s.rank
    tied = lambda w: tie(w[(None,) * s.rank], tile, out)
    yield Sides(_vec(local_conv(s.x, tied(s.w), **s.options)), s.C @ _vec(s.x))
    E = np.tile(np.eye(s.w.size), (s.positions[0], 1))
    yield Sides(_matrix(tied, s.w, "vjp"), E, what="the tying map E and its adjoint")
    (own,) = jax.vjp(lambda w: local_conv(s.x, w, **s.options), tied(s.w))[1](s.y)
    (shared,) = jax.vjp(lambda w: s.conv(s.x, w), s.w)[1](s.y)
    yield Sides(E.T @ _vec(own), _vec(shared), what="w̄ = Eᵀ·W̄")


@_identity("network", "J = A₄·A₃·A₂·A₁")
def network(s: Example) -> Iterator[Sides]:
    """The Jacobian of a network at an image is the product of its layers' matrices: the chain rule."""
    maps, f = _small_network(s)
    expected = reduce(np.matmul, [matrix_of(A) for A in maps])
    yield Sides(_matrix(f, s.x, "vjp"), expected, what="jax.vjp")
    yield Sides(_matrix(f, s.x, "autodiff transposed"), expected, what="minicnn.autodiff")


def _small_network(s: Example) -> tuple[list[LinearMap], Callable[[Any], Any]]:
    """Convolution, rectifier, overlapping max pool and a dense layer: their matrices at x, and the function."""
    h = s.conv(s.x, s.w)
    window = tuple(min(2, n) for n in h.shape[:-1])
    a = jnp.maximum(h, 0)
    S = max_pool_map_at(a, window, stride=1)
    M = s.integers(3, math.prod(S.out_shape))
    relu = Diagonal((h > 0).astype(h.dtype), h.shape, h.dtype)
    dense = Dense(M, (M.shape[1],), (3,), M.dtype)
    flat = Reshape(S.out_shape, dense.in_shape, M.dtype)

    def f(x: Any) -> Any:
        pooled = max_pool(ops.relu(s.conv(x, s.w)), window, stride=1)
        return ops.matmul(M, ops.reshape(pooled, dense.in_shape))

    return [dense, flat, S, relu, s.map], f
