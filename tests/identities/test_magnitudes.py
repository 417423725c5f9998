"""The table of JAX's primitives names what JAX has: a renamed primitive and a new one are noticed."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Primitive, primitives

from minicnn.forms.fence import kept
from minicnn.identities.function import Function
from minicnn.identities.magnitudes import FORMERLY, PRIMITIVES, UnderivableError, sums_of

# Looked at and left out: not linear, linear over the reals alone, about integers, or about devices and randomness.
LEFT_OUT = """
abs acos acosh after_all all_gather all_to_all and approx_top_k argmax argmin asin asinh atan atan2 atanh
axis_index bessel_i0e bessel_i1e bitcast_convert_type call cbrt ceil cholesky clamp clz complex cond cos cosh
create_token cumlogsumexp cummax cummin cumprod custom_lin custom_linear_solve device_put digamma eig eigh
empty2 eq eq_to erf erf_inv erfc exp exp2 expm1 floor ge get gt hessenberg householder_product igamma
igamma_grad_a igammac imag integer_pow iota is_finite le le_to lgamma log log1p log2 logistic lt lt_to lu max
min ne nextafter not one_minus_square or pmax pmin polygamma polynomial population_count pow ppermute psum qr
ragged_all_to_all random_bits random_fold_in random_gamma random_seed random_split real reduce reduce_and
reduce_max reduce_min reduce_or reduce_precision reduce_prod reduce_window reduce_window_max reduce_window_min
reduce_xor regularized_incomplete_beta rem rng_bit_generator rng_uniform round rsqrt scan scatter scatter-max
scatter-min scatter-mul schur select_and_gather_add select_and_scatter select_and_scatter_add
sharding_constraint shift_left shift_right_arithmetic shift_right_logical sign sin sinh sort sqrt square
stop_gradient svd swap tan tanh threefry2x32 top_k triangular_solve tridiagonal tridiagonal_solve while
xla_pmap xor zeta
"""


RECENT = {"stack", "unstack"}  # older releases of JAX have other primitives for them


def names() -> set[str]:
    """The public primitives of this JAX."""
    return {getattr(primitives, name).name for name in dir(primitives) if name.endswith("_p")}


def test_every_name_in_the_table_is_a_primitive_of_jax():
    there = {thing.name for thing in gc.get_objects() if isinstance(thing, Primitive)}
    there |= {FORMERLY[name] for name in there & set(FORMERLY)}
    assert set(PRIMITIVES) - set(FORMERLY) - RECENT <= there


def test_every_primitive_of_jax_is_in_the_table_or_was_left_out():
    assert names() - set(PRIMITIVES) - set(LEFT_OUT.split()) == set()


def test_nothing_is_both_in_the_table_and_left_out():
    assert not set(PRIMITIVES) & set(LEFT_OUT.split())


@pytest.mark.parametrize(
    "f",
    [
        jax.checkpoint(lambda x: 2 * x),
        lambda x: jnp.stack([x, -x]),
        lambda x: jnp.tile(x, 3),
        lambda x: sum(jnp.split(x, 2)),
        lambda x: jnp.fft.irfft(jnp.fft.rfft(x)),
        lambda x: 2 * kept(x),
    ],
    ids=["checkpoint", "stack", "tile", "split", "fft", "kept"],
)
def test_the_size_of_the_sums_bounds_the_matrix(f):
    function = Function(f, (jnp.zeros(4),))
    J = np.asarray(jax.jacobian(f)(jnp.zeros(4))).reshape(-1, 4)
    assert (sums_of(function).size >= abs(J) - 1e-6).all()


@pytest.mark.parametrize(
    "f", [jnp.sin, lambda x: x * x, lambda x: 1 / x, jax.lax.cummax], ids=["sin", "square", "reciprocal", "cummax"]
)
def test_what_is_not_linear_is_refused(f):
    with pytest.raises(UnderivableError):
        sums_of(Function(f, (jnp.ones(4),)))
