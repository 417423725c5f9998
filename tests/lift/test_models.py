"""A lifted network is its Jacobian, found without any of JAX's transposes, within the rounding of its sums."""

from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.interpreters import ad

import minicnn
from minicnn.autodiff import Program
from tests.lift.compiling import once
from tests.lift.plain import PLAIN
from tests.processors import oracles_on_a_cpu


@contextmanager
def without_transposes():
    """While this lasts JAX has no rule for transposing, and its transformations that would use one raise."""

    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the transpose is ours")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("vjp", "jvp", "linear_transpose", "grad", "value_and_grad", "jacrev", "jacfwd"):
            patch.setattr(jax, name, forbidden)
        for name in ("primitive_transposes", "fancy_transposes"):
            patch.setattr(ad, name, {})
        yield


def rounding(P: Program) -> Any:
    """Bounds for the entries of the matrix: γ of all terms that are added on the way, times |A_k|…|A_1|."""
    terms = sum(arrow.map.nnz // max(arrow.map.shape[0], 1) + 2 for arrow in P.arrows)
    magnitudes = jax.tree.map(lambda leaf: jnp.abs(leaf) if jnp.issubdtype(leaf.dtype, jnp.inexact) else leaf, P)
    finfo = jnp.finfo(P.nodes[0].dtype)
    return terms * (float(finfo.eps) * magnitudes.matrix() + float(finfo.tiny))


def check(f: Any, x: Any) -> Program:
    """Hold the program of f at x against the Jacobians that JAX finds forwards and backwards."""
    with without_transposes():
        P = minicnn.lift(f, x)
        assert {node.dtype for node in P.nodes} == {x.dtype}
        matrix, transposed, bound = once(lambda P: (P.matrix(), P.T.matrix(), rounding(P)))(P)
    with oracles_on_a_cpu():
        forwards, backwards = once(lambda x: (jax.jacfwd(f)(x), jax.jacrev(f)(x)))(x)
    rows = lambda J: np.concatenate([np.reshape(leaf, (-1, x.size)) for leaf in jax.tree.leaves(J)])
    assert (np.abs(matrix - rows(forwards)) <= bound).all()
    assert (np.abs(transposed.T - rows(backwards)) <= bound).all()
    return P


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PLAIN)
def test_a_network_in_plain_jax(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        f, x = PLAIN[name](dtype)
        check(f, jnp.asarray(x, dtype))
