"""What is refused, and what the messages say to do instead."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff, linalg, maps
from minicnn.linalg import lanczos
from tests.linalg.examples import conv, kernel

LARGE = minicnn.conv_map(np.array([1.0, 2.0, 4.0], np.float32).reshape(3, 1, 1), (200_000,))


def small(dtype: Any = jnp.float64) -> maps.LinearMap:
    return conv(jnp.ones((2, 1, 1), dtype), (4,))


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: linalg.svdvals(LARGE), ValueError, "dense: the matrix is 199998×200000, 149.0 GiB: this machine has"),
        (lambda: linalg.svdvals(LARGE), ValueError, "ask for the `k` largest values"),
        (lambda: linalg.pinv(LARGE), ValueError, "kron: it has a single axis"),
        (lambda: linalg.null_space(LARGE), ValueError, "dense: the matrix is"),
        (lambda: linalg.norm(LARGE @ LARGE.T, 1), ValueError, "takes 4.0e\\+10 entries, more than 4e\\+09: take ord=2"),
        (lambda: linalg.svdvals(small(), 0), ValueError, "`k`=0 must be from 1 to 3"),
        (lambda: linalg.svdvals(small(), 4), ValueError, "`k`=4 must be from 1 to 3"),
        (lambda: linalg.svdvals(small(), 1.5), TypeError, "`k`=1.5 must be an int"),
        (lambda: linalg.svdvals(small(), method="fourier"), ValueError, "fourier: on axis 0 3 outputs of stride 1"),
        (lambda: linalg.svdvals(small(), method="lanczos"), ValueError, "say how many, with `k`"),
        (lambda: linalg.svdvals(small(), method="qr"), ValueError, "`method`='qr' is not a method for all values"),
        (lambda: linalg.norm(small(int)), TypeError, "`A` is int64: its values need float32 or better"),
        (lambda: linalg.norm(small(jnp.bfloat16)), TypeError, "`A` is bfloat16"),
        (lambda: linalg.norm(jnp.nan * small()), ValueError, "`A` holds NaN or Inf"),
        (lambda: linalg.bracket(jnp.inf * small()), ValueError, "`A` holds NaN or Inf"),
        (lambda: linalg.norm(np.eye(2)), TypeError, "`A` is ndarray: give a LinearMap"),
        (lambda: linalg.norm(small(), 3), ValueError, '`ord`=3 is not a norm: use 2, "fro", "nuc", 1 or inf'),
        (lambda: linalg.svdvals(maps.identity((0,), jnp.dtype("float64"))), ValueError, "`A` is 0×0"),
        (lambda: linalg.slogdet(small()), ValueError, "the matrix is 3×4: only a square one"),
        (lambda: linalg.lstsq(small(), jnp.ones((4, 1))), ValueError, r"`y` has shape \(4, 1\): the last axes must be"),
        (lambda: linalg.lstsq(small(), jnp.ones((3, 1)), damp=-1.0), ValueError, "`damp`=-1.0 must be at least 0"),
        (lambda: linalg.symbol(small() + small(), jnp.zeros(1)), TypeError, "only what shifts with its input"),
        (lambda: linalg.symbol(small(), jnp.zeros(2)), ValueError, "the last axis must hold 1, one for each"),
        (lambda: linalg.project(small(), 0.0), ValueError, "`bound`=0.0 must be greater than 0"),
        (lambda: jax.jit(linalg.bracket)(small()), TypeError, r"enclose its values outside of jax.jit, .* take norm"),
        (lambda: jax.jit(linalg.bounds)(small()), TypeError, "enclose its values outside of jax.jit"),
        (lambda: autodiff.grad(lambda w: linalg.cond(conv(w, (4,))))(kernel(2, 1, 1)), TypeError, "only `norm` has a"),
    ],
)
def test_refused(ask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ask()


def test_an_iteration_that_has_not_converged_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanczos, "PRODUCTS", 3)
    A = conv(kernel(3, 3, 2, 2), (6, 4))
    with pytest.raises(linalg.ConvergenceError, match=r"after \d products .* σ₁ is at least .* take `bracket\(A\)`"):
        linalg.norm(A, method="lanczos")
    assert np.isnan(jax.jit(lambda A: linalg.norm(A, method="lanczos"))(A))  # where nothing can be raised


def test_least_squares_that_have_not_converged_say_so() -> None:
    d = jnp.logspace(0, -13, 40)
    A = maps.Diagonal(d, d.shape, d.dtype)
    with pytest.raises(linalg.ConvergenceError, match="is ill-conditioned; take a larger `damp` or `rtol`"):
        linalg.lstsq(A, jnp.ones(40), method="iterate", rtol=1e-16)


def test_what_is_not_known_under_jit_is_not_assumed() -> None:
    """A kernel that is separable is one of many outside of jit and one that cannot be looked at inside."""
    w = jnp.ones((2, 2, 1, 1))
    assert linalg.explain(conv(w)).values == "kron"
    said = []
    jax.jit(lambda w: said.append(linalg.explain(conv(w))) or w)(w)
    assert said[0].refusals["kron"] == "whether its kernel is a product over the axes is not known while it is traced"
    assert said[0].values == "dense"
