"""How many inputs does a pool take from the next layer, and is a stride the same?

Pooling with windows of k, k apart, leaves 1/k of the inputs on every axis: k times fewer in one dimension, k² times in
two. A dense layer behind it has as many weights fewer. A mean pool P after a convolution C is one strided convolution:
P·C = C(w′, stride k), where w′ is w blurred by the window, with n + k − 1 taps. A stride alone, D·C, keeps one output
in k and looks at no other: it cannot tell the highest frequency from a constant, which the mean takes away. A maximum
does not merge, as it is not linear.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.3 ("roughly k times fewer inputs", which holds for
each axis), and equation 9.8; Springenberg et al. (2015), Striving for simplicity, who replace pools by strides; the
Dirichlet kernel for the mean's response.
"""

from collections.abc import Callable
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.signal import convolve2d

import minicnn
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from minicnn import nn
from minicnn.draw import matrix as draw_matrix
from minicnn.maps import LinearMap

ROWS = (51, 53)
SMALL = {"size": 16}
FULL = {"size": 48}

TAPS = 3
WINDOWS = (2, 4)  # powers of two: their means are exact


def run(size: int = 32, seed: int = 0) -> Result:
    """Pool by means and maxima.

    Args:
        size: rows and columns of the image, a multiple of 4.
        seed: of the kernels.
    """
    rng = np.random.default_rng(seed)
    w = rng.integers(-9, 10, (TAPS, TAPS, 2, 3)).astype(np.float32)
    x = rng.integers(-9, 10, (size, size, 2)).astype(np.float32)
    claims: list[Claim] = []
    for k in WINDOWS:
        claims += _fewer(k, size)
        claims += _merged(k, w, x)
    claims += _not_the_same(w, x)
    rows = [_costs(k, w, size) for k in WINDOWS]
    columns = ("k", "non-zeros of P", "of C", "of P·C", "two steps: multiply-adds", "one step")
    return Result(
        claims,
        (Table(f"A convolution of {size} × {size}, then a mean of k × k", columns, tuple(rows)),),
        (_matrices(), _responses()),
    )


def _fewer(k: int, size: int) -> list[Claim]:
    claims = []
    for rank in (1, 2):
        shape = (*(size,) * rank, 3)
        out_shape = nn.MaxPool((k,) * rank).out_shape(shape)
        weights = [_weights(prod(s)) for s in (shape, out_shape)]
        claims.append(
            equal(f"inputs over outputs of a pool of {k} in {rank}-D", prod(shape) / prod(out_shape), k**rank, "kᵈ")
        )
        claims.append(
            equal(
                f"weights of a dense layer before and behind a pool of {k}, {rank}-D",
                weights[0] / weights[1],
                k**rank,
                "kᵈ",
            )
        )
    return claims


def _weights(inputs: int) -> int:
    params = jax.eval_shape(lambda: nn.Dense(10, bias=False).init(jax.random.key(0), (inputs,)))
    return sum(p.size for p in jax.tree.leaves(params))


def _merged(k: int, w: np.ndarray, x: np.ndarray) -> list[Claim]:
    P, C, one = maps(k, w, len(x))
    pooled = minicnn.avg_pool(minicnn.conv(jnp.asarray(x), jnp.asarray(w), padding=((0, TAPS - 1),) * 2), (k, k))
    blurred = np.stack([[convolve2d(w[..., i, o], np.ones((k, k))) for o in range(3)] for i in range(2)]) / k**2
    merged = np.moveaxis(np.asarray(one_kernel(k, w)), (0, 1, 2, 3), (2, 3, 0, 1))
    return [
        equal(
            f"P·C − C(w′, stride {k}), largest entry", np.abs((P @ C).matrix() - one.matrix()).max(), 0, "one matrix"
        ),
        equal(
            f"w′ is w convolved with the {k} × {k} window, largest difference",
            np.abs(merged - blurred).max(),
            0,
            "scipy.signal",
        ),
        equal(
            f"pool of the convolution − one strided convolution, k = {k}",
            np.abs(pooled - one(jnp.asarray(x))).max(),
            0,
            "P·(C·x)",
        ),
    ]


def one_kernel(k: int, w: np.ndarray) -> jax.Array:
    """The kernel of a convolution and a mean pool."""
    channels = w.shape[-1]
    window = jnp.broadcast_to(jnp.eye(channels) / k**2, (k, k, channels, channels))
    return minicnn.compose_kernels(jnp.asarray(w), window)


def maps(k: int, w: np.ndarray, size: int) -> tuple[LinearMap, LinearMap, LinearMap]:
    """The pool P, the convolution C before it, padded to as many outputs as inputs, and the two in one."""
    C = minicnn.conv_map(jnp.asarray(w), (size, size), padding=((0, TAPS - 1),) * 2)
    P = minicnn.avg_pool_map(C.out_shape, (k, k))
    one = minicnn.conv_map(one_kernel(k, w), (size, size), stride=k, padding=((0, TAPS - 1),) * 2)
    return P, C, one


def _not_the_same(w: np.ndarray, x: np.ndarray) -> list[Claim]:
    alternating = (-1.0) ** jnp.arange(16.0)[:, None]
    strided = minicnn.conv(jnp.asarray(x), jnp.asarray(w), stride=2)
    every = minicnn.conv(jnp.asarray(x), jnp.asarray(w))[::2, ::2]
    mean = minicnn.avg_pool(minicnn.conv(jnp.asarray(x), jnp.asarray(w)), (2, 2))
    identity = jnp.ones((1, 1, 1))
    a, b = jnp.asarray(x), -jnp.asarray(x)
    maximum: Callable[[jax.Array], jax.Array] = lambda x: minicnn.max_pool(minicnn.conv(x, jnp.asarray(w)), (2, 2))
    return [
        equal(
            "D·C: a stride keeps one output in k², largest difference",
            np.abs(strided - every).max(),
            0,
            "Deep Learning, 9.8",
        ),
        differs("a stride is not a mean: first outputs", strided[0, 0], mean[0, 0], "D·C is not P·C"),
        equal(
            "+1, −1, +1, … by a stride of 2",
            minicnn.conv(alternating, identity, stride=2).ravel(),
            [1] * 8,
            "aliased to a constant",
        ),
        equal("+1, −1, +1, … by a mean of 2", minicnn.avg_pool(alternating, (2,)).ravel(), [0] * 8, "taken away"),
        differs(
            "a maximum is not linear: f(x) + f(−x) at one place",
            (maximum(a) + maximum(b))[0, 0],
            [0, 0, 0],
            "no matrix for all x",
        ),
    ]


def _costs(k: int, w: np.ndarray, size: int) -> tuple[int, ...]:
    P, C, one = maps(k, w, size)
    return k, P.nnz, C.nnz, one.nnz, P.nnz + C.nnz, one.nnz


def _matrices() -> Picture:
    def draw(figure: Figure) -> None:
        w = jnp.array([2.0, 4.0, 2.0]).reshape(3, 1, 1)
        C = minicnn.conv_map(w, (10,))
        P = minicnn.avg_pool_map(C.out_shape, (2,))
        for axes, A, title in zip(figure.subplots(1, 3), (P, C, P @ C), ("P", "C", "P·C"), strict=True):
            draw_matrix(A.matrix(), axes)
            axes.set(title=title)

    return Picture("matrices", "A mean pool, a convolution, and the strided convolution that is both.", draw, 0.4)


def _responses() -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        omega = np.linspace(0, np.pi, 200)
        for axes, k in ((left, 2), (right, 4)):
            mean = np.abs(np.exp(1j * np.outer(omega, np.arange(k))).mean(1))
            axes.plot(omega / np.pi, mean, color="#0072B2", label="mean")
            axes.plot(omega / np.pi, np.ones_like(omega), "--", color="#D55E00", label="stride alone")
            axes.axvspan(1 / k, 1, color="0.9")
            axes.text((1 + 1 / k) / 2, 1.08, "aliased", ha="center")
            axes.set(title=f"k = {k}", xlabel="frequency, of the highest", ylim=(0, 1.4))
        left.set_ylabel("gain")
        left.legend(frameon=False, ncols=2, fontsize="small", loc="upper center")

    return Picture(
        "responses", "What a mean and a stride let through: a mean dampens what would be aliased.", draw, 0.42
    )
