"""Every usual fault, planted in a layer's forward or backward pass, is caught and named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import Axis, avg_pool, certify, conv, conv_map
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at
from minicnn.identities.faults import likely_causes, matrix_of
from tests import oracles

RNG = np.random.default_rng(0)


def kernel(*shape: int) -> jax.Array:
    """Different integers, so that no fault leaves the kernel as it is."""
    return jnp.asarray(RNG.permutation(np.arange(1, 1 + np.prod(shape))).reshape(shape), jnp.float32)


W = kernel(3, 3, 2, 2)
SQUARE: Any = conv_map(W, (5, 5), padding=1)
STRIDED: Any = conv_map(W, (7, 7), stride=3, padding=1)
DILATED: Any = conv_map(kernel(2, 2, 1, 1), (6, 6), dilation=2)
STRETCHED: Any = conv_map(kernel(3, 3, 1, 1), (3, 3), stretch=2, padding=1)
GROUPED: Any = conv_map(kernel(2, 2, 2, 4), (3, 3), groups=2)
DEEP: Any = conv_map(kernel(2, 2, 3, 2), (3, 3))
COMPLEX: Any = conv_map(kernel(2, 2, 1, 1) * (1 + 2j), (3, 3))
PADDED_AVERAGE = avg_pool_map((4, 4, 1), (2, 2), padding=1)
TIED = jnp.zeros((3, 3, 1))
SELECTED = max_pool_map_at(TIED, (2, 2), stride=1)


def changed(A: Any, **options: Any) -> np.ndarray:
    """The matrix with every axis changed, from the definition of a convolution."""
    axes = tuple(replace(axis, **options) for axis in A.geometry.axes)
    return oracle(np.asarray(A.w), axes)


def oracle(w: np.ndarray, axes: tuple[Axis, ...]) -> np.ndarray:
    """C by loops over outputs and taps."""
    sizes = [(axis.out_size, axis.in_size) for axis in axes]
    C = np.zeros((*(o for o, _ in sizes), w.shape[-1], *(i for _, i in sizes), w.shape[-2]), w.dtype)
    for o in np.ndindex(*(o for o, _ in sizes)):
        for k in np.ndindex(*w.shape[:-2]):
            rows = zip(axes, o, k, strict=True)
            at = [divmod(a.stride * oo + a.dilation * kk - a.low, a.stretch) for a, oo, kk in rows]
            if all(rest == 0 and 0 <= i < n for (i, rest), (_, n) in zip(at, sizes, strict=True)):
                C[(*o, slice(None), *(i for i, _ in at))] += w[k].T
    return C.reshape(np.prod(C.shape[: len(axes) + 1]), -1)


def overwritten(C: np.ndarray, A: Any, last: bool) -> np.ndarray:
    """The matrix of a backward pass that assigns where it should add, output after output."""
    blocks = C.reshape(-1, A.out_shape[-1], C.shape[1] // A.in_shape[-1], A.in_shape[-1])
    kept = np.zeros_like(blocks)
    outputs = range(len(blocks)) if last else reversed(range(len(blocks)))
    for o in outputs:
        for i in np.flatnonzero((blocks[o] != 0).any((0, 2))):
            kept[:, :, i] = 0
            kept[o, :, i] = blocks[o, :, i]
    return kept.reshape(C.shape)


def split_ties() -> np.ndarray:
    return matrix_of(avg_pool_map((3, 3, 1), (2, 2), stride=1))


def last_of_ties() -> np.ndarray:
    return np.flip(matrix_of(SELECTED))


def without(A: Any, *tap: int) -> np.ndarray:
    return matrix_of(replace(A, w=A.w.at[tap].set(0)))


def with_kernel(A: Any, w: Any) -> np.ndarray:
    return matrix_of(replace(A, w=jnp.asarray(w)))


def rolled_groups(A: Any) -> np.ndarray:
    C = matrix_of(A)
    return np.roll(C.reshape(*A.out_shape, -1, 2, 2), 1, axis=-2).reshape(C.shape)


C = {A: matrix_of(A) for A in (SQUARE, STRIDED, DILATED, STRETCHED, GROUPED, DEEP, COMPLEX, PADDED_AVERAGE, SELECTED)}
NOT_FLIPPED = conv_map(W, (5, 5), padding=1, flip=True)


def cropped() -> np.ndarray:
    matrix = C[SQUARE].copy().reshape(50, 5, 5, 2)
    matrix[:, :, 4] = 0
    return matrix.reshape(50, 50)


PLANTED: dict[str, tuple[Any, Callable[[], np.ndarray], str]] = {
    "kernel flipped": (SQUARE, lambda: with_kernel(SQUARE, W[::-1, ::-1]), "kernel flipped"),
    "kernel not flipped": (NOT_FLIPPED, lambda: C[SQUARE], "kernel not flipped"),
    "flipped along one axis": (SQUARE, lambda: with_kernel(SQUARE, W[::-1]), "kernel flipped on axis 0"),
    "kernel axes swapped": (SQUARE, lambda: with_kernel(SQUARE, W.swapaxes(0, 1)), "kernel axes swapped"),
    "channels swapped": (SQUARE, lambda: with_kernel(SQUARE, W.swapaxes(2, 3)), "channels swapped"),
    "blue for red": (DEEP, lambda: with_kernel(DEEP, DEEP.w[..., ::-1, :]), "channels swapped"),
    "padding low": (SQUARE, lambda: changed(SQUARE, low=2), "padding off by one on the low side"),
    "padding low on one axis": (
        SQUARE,
        lambda: oracle(np.asarray(W), (SQUARE.geometry.axes[0], replace(SQUARE.geometry.axes[1], low=2))),
        "padding off by one on the low side on axis 1",
    ),
    "padding high": (SQUARE, lambda: changed(SQUARE, low=0), "padding off by one on the high side"),
    "last column cropped": (
        SQUARE,
        cropped,
        "padding off by one on the high side on axis 1",
    ),
    "stride phase": (STRIDED, lambda: changed(STRIDED, low=-1), "wrong stride phase"),
    "stride ignored": (STRIDED, lambda: changed(STRIDED, stride=1), "stride ignored"),
    "dilation ignored": (DILATED, lambda: changed(DILATED, dilation=1), "dilation ignored"),
    "stretch ignored": (STRETCHED, lambda: changed(STRETCHED, stretch=1), "stretch ignored"),
    "groups mixed up": (GROUPED, lambda: rolled_groups(GROUPED), "groups mixed up"),
    "groups interleaved": (
        GROUPED, lambda: C[GROUPED].reshape(-1, 2, 2, 36).swapaxes(1, 2).reshape(C[GROUPED].shape), "groups mixed up",
    ),
    "conjugate missing": (COMPLEX, lambda: C[COMPLEX].conj(), "conjugate missing"),
    "last to write": (SQUARE, lambda: overwritten(C[SQUARE], SQUARE, True), "overlap overwritten instead of added"),
    "first to write": (SQUARE, lambda: overwritten(C[SQUARE], SQUARE, False), "overlap overwritten instead of added"),
    "tie split": (SELECTED, split_ties, "tie split"),
    "tie elsewhere": (SELECTED, last_of_ties, "tie given to another position"),
    "switches overwritten": (
        max_pool_map_at(jnp.zeros((3, 3, 1)).at[1, 1].set(1), (2, 2), stride=1),
        lambda: np.eye(4, dtype=np.float32)[3][:, None] * (np.arange(9) == 4),
        "overlap overwritten instead of added",
    ),
    "tap dropped": (SQUARE, lambda: without(SQUARE, 0, 2), "tap (0, 2) dropped"),
    "weight dropped": (SQUARE, lambda: without(SQUARE, 1, 1, 0, 1), "tap (1, 1) dropped"),
    "scaled": (SQUARE, lambda: C[SQUARE] / 2, "scaled gradient (× 0.5)"),
    "negated": (SQUARE, lambda: -C[SQUARE], "negated"),
    "transposed": (SQUARE, lambda: C[SQUARE].T, "transposed"),
    "channel first": (
        DEEP, lambda: C[DEEP][np.arange(8).reshape(2, 2, 2).transpose(2, 0, 1).ravel()], "outputs channel first",
    ),
    "padding counted": (
        PADDED_AVERAGE, lambda: matrix_of(avg_pool_map((4, 4, 1), (2, 2), padding=1, count_include_pad=True)),
        "padding counted in the average",
    ),
    "not finite": (SQUARE, lambda: C[SQUARE] * np.nan, "values that are not finite"),
}  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_in_a_gradient_is_caught_and_named(fault):
    A, plant, cause = PLANTED[fault]
    right, wrong = jnp.asarray(matrix_of(A)), jnp.asarray(plant())
    assert (wrong != right).any()

    @jax.custom_vjp
    def f(x):
        return (right @ x.ravel()).reshape(A.out_shape)

    f.defvjp(lambda x: (f(x), None), lambda _, y_bar: ((wrong.T @ y_bar.ravel()).reshape(A.in_shape),))
    certificate = certify(f, jnp.zeros(A.in_shape, A.dtype), matrix=A, ways=["one-hot inputs", "vjp"])
    failed = [comparison for comparison in certificate.comparisons if not comparison.ok]
    assert {comparison.identity for comparison in failed} <= {"vjp = Cᵀ", "vjp of i·eⱼ = i·Cᵀ"}
    assert cause in failed[0].causes
    assert failed[0].bound == 0 or fault == "padding counted"


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (lambda x: conv(x, W, padding=1, flip=True), "kernel flipped"),
        (lambda x: conv(x, W.swapaxes(2, 3), padding=1), "channels swapped"),
        (lambda x: conv(x, W, padding=((2, 0), 1)), "padding off by one on the low side on axis 0"),
        (lambda x: conv(x, W, padding=((1, 2), 1)), "padding off by one on the high side on axis 0"),
        (lambda x: conv(x, W), "padding ignored"),
    ],
    ids=["flipped", "channels", "low", "one output more", "valid"],
)
def test_a_convolution_with_wrong_options_is_caught_and_named(wrong, cause):
    certificate = certify(wrong, jnp.zeros((5, 5, 2)), matrix=SQUARE, ways=["one-hot inputs"])
    assert not certificate.ok
    assert cause in certificate.comparisons[-1].causes


def test_lax_reads_true_convolution_as_a_flipped_kernel():
    wrong = lambda x: oracles.lax_conv(x[None], W, (1, 1), ((1, 1), (1, 1)), (1, 1), (1, 1), flip=True)[0]
    certificate = certify(wrong, jnp.zeros((5, 5, 2)), matrix=SQUARE, ways=["vjp"])
    assert "kernel flipped" in certificate.comparisons[-1].causes


def test_jax_splits_the_gradient_of_ties():
    """jnp.max shares the derivative among the largest entries; our pool gives it to the first."""
    windows = lambda x: jnp.stack([x[i : i + 2, j : j + 2].max((0, 1)) for i in (0, 1) for j in (0, 1)])
    certificate = certify(windows, TIED, matrix=SELECTED, kind="function", ways=["vjp"])
    assert certificate.comparisons[-1].causes == ("tie split",)


def test_no_cause_is_made_up():
    wrong = C[SQUARE].copy()
    wrong[3, 4] += 1
    assert likely_causes(SQUARE, wrong, C[SQUARE]) == ()
    assert likely_causes(None, wrong, C[SQUARE]) == ()


def test_the_same_average_twice_is_no_fault():
    certificate = certify(lambda x: avg_pool(x, (2, 2), padding=1), jnp.zeros((4, 4, 1)), matrix=PADDED_AVERAGE)
    assert certificate.ok, certificate
