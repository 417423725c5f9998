"""The primitives that the operations are made of. What each computes is here, its derivative in `autodiff.rules`."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from minicnn.forms import meshes
from minicnn.forms.arithmetic import contracted
from minicnn.primitive import ArrayLike, Primitive


def _extreme(along: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The maximum or minimum, NaN wherever there is one: XLA's reductions for CPUs lose it."""

    def kept(x: jax.Array, axes: Sequence[int]) -> jax.Array:
        y = along(x, axes)
        if not jnp.issubdtype(y.dtype, jnp.inexact):
            return y
        return jnp.where(jnp.isnan(x).any(axes), jnp.nan, y)

    return kept


def _as(x: ArrayLike, dtype: DTypeLike, weak: bool = False) -> jax.Array:
    """Convert x; to a weak dtype, for which JAX has no public name, as a number of Python beside x would."""
    x = jnp.asarray(x)
    if not weak:
        return x.astype(dtype)
    return x if x.dtype == dtype else jnp.where(True, x, np.zeros((), dtype).item())


def _einsum(x: jax.Array, y: jax.Array, spec: tuple[str, str, str], precision: jax.lax.PrecisionLike) -> jax.Array:
    return contracted("{},{}->{}".format(*spec), x, y, precision, meshes.sharding_of_product(x, y, spec))


def _gather(x: jax.Array, positions: np.ndarray) -> jax.Array:
    layout = meshes.layout_as_long(x, positions.shape)
    return meshes.laid_out(lambda x, positions: jnp.ravel(x)[positions], lambda *_: layout)(x, positions)


neg_p = Primitive("neg", jnp.negative)
exp_p = Primitive("exp", jnp.exp)
expm1_p = Primitive("expm1", jnp.expm1)
log_p = Primitive("log", jnp.log)
log1p_p = Primitive("log1p", jnp.log1p)
sqrt_p = Primitive("sqrt", jnp.sqrt)
sin_p = Primitive("sin", jnp.sin)
cos_p = Primitive("cos", jnp.cos)
tan_p = Primitive("tan", jnp.tan)
arctan_p = Primitive("arctan", jnp.arctan)
sinh_p = Primitive("sinh", jnp.sinh)
cosh_p = Primitive("cosh", jnp.cosh)
tanh_p = Primitive("tanh", jnp.tanh)
sigmoid_p = Primitive("sigmoid", jax.nn.sigmoid)
erf_p = Primitive("erf", jax.lax.erf)
erfc_p = Primitive("erfc", jax.lax.erfc)
relu_p = Primitive("relu", jax.nn.relu)
abs_p = Primitive("abs", jnp.abs)
conj_p = Primitive("conj", jnp.conj)
real_p = Primitive("real", jnp.real)
imag_p = Primitive("imag", jnp.imag)
add_p = Primitive("add", jnp.add)
sub_p = Primitive("sub", jnp.subtract)
mul_p = Primitive("mul", jnp.multiply)
div_p = Primitive("div", jnp.divide)
remainder_p = Primitive("remainder", jnp.remainder)
arctan2_p = Primitive("arctan2", jnp.arctan2)
power_p = Primitive("power", jnp.power)
integer_power_p = Primitive("integer_power", lambda x, n: jax.lax.integer_pow(x, n))
maximum_p = Primitive("maximum", jnp.maximum)
minimum_p = Primitive("minimum", jnp.minimum)
logaddexp_p = Primitive("logaddexp", jnp.logaddexp)
where_p = Primitive("where", jnp.where)
sum_p = Primitive("sum", lambda x, axes: jnp.sum(x, axes))
max_p = Primitive("max", _extreme(jnp.max))
min_p = Primitive("min", _extreme(jnp.min))
logsumexp_p = Primitive("logsumexp", lambda x, axes: jax.nn.logsumexp(x, axes))
cumsum_p = Primitive("cumsum", lambda x, axis: jnp.cumsum(x, axis))
broadcast_p = Primitive("broadcast", meshes.repeated)
vary_p = Primitive("vary", lambda x, mesh_axes: meshes.vary(jnp.asarray(x), mesh_axes))
astype_p = Primitive("astype", _as)
reshape_p = Primitive("reshape", meshes.reshape)
transpose_p = Primitive("transpose", jnp.transpose)
slice_p = Primitive("slice", lambda x, starts, limits, strides: jax.lax.slice(x, starts, limits, strides))
gather_p = Primitive("gather", _gather)
concatenate_p = Primitive("concatenate", lambda *xs, axis: jnp.concatenate(xs, axis))
einsum_p = Primitive("einsum", _einsum)
