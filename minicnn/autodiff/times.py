"""A linear map times a vector, made of primitives, so that products can be differentiated themselves.

A map that holds an array is bilinear in that array and the vector, and its product is one of our primitives: C(w)·x is
`convolve`, diag(d)·x is `mul`. The members are closed under this: the rules of these primitives hold such maps again.
"""

import math
from functools import singledispatch
from typing import Any

import jax
from jax.sharding import PartitionSpec

from minicnn import maps, ops
from minicnn.forms.meshes import laid_out, layout_as_long, tell_a_layout
from minicnn.forms.trilinear import correlate
from minicnn.functional.convolution import convolve_p
from minicnn.functional.jitted import compiled_primitive
from minicnn.primitive import Primitive, Traced

correlate_p = compiled_primitive("correlate", correlate)
apply_p = Primitive("apply", lambda x, A: _applied(A, x))


@singledispatch
def times(A: maps.LinearMap, x: Any) -> Any:
    """A·vec(x) for an array or a traced value of shape (*batch, *in_shape).

    Members whose leaves may be traced, the derivatives of products, are registered here with their primitive. The
    others are constants.
    """
    if any(isinstance(leaf, Traced) for leaf in jax.tree.leaves(A)):
        raise NotImplementedError(f"{type(A).__name__} depends on a traced value: register its product with `times`")
    return apply_p(x, A=A)


def times_on_mesh(A: maps.LinearMap, x: Any, layout: PartitionSpec) -> Any:
    """A·vec(x), lying as it is said across an explicit mesh. Traced values lie as they come."""
    if any(isinstance(leaf, Traced) for leaf in (x, *jax.tree.leaves(A))):
        return times(A, x)
    return laid_out(times, lambda *_: layout)(A, x)


@times.register
def _compose(A: maps.Compose, x: Any) -> Any:
    for factor in reversed(A.factors):
        x = times(factor, x)
    return x


@times.register
def _batched(A: maps.Batched, x: Any) -> Any:
    return times(A.A, x)


@times.register
def _reshape(A: maps.Reshape, x: Any) -> Any:
    return ops.reshape(x, (*_batch(A, x), *A.out_shape))


@times.register
def _permute(A: maps.Permute, x: Any) -> Any:
    rank = len(_batch(A, x))
    return ops.transpose(x, (*range(rank), *(rank + axis for axis in A.order)))


@times.register
def _diagonal(A: maps.Diagonal, x: Any) -> Any:
    return ops.mul(A.d, x)


@times.register
def _inverse_diagonal(A: maps.InverseDiagonal, x: Any) -> Any:
    return ops.div(x, A.d)


@times.register
def _contraction(A: maps.Contraction, x: Any) -> Any:
    batch = _batch(A, x)
    y = ops.einsum(A.batched_spec, ops.reshape(x, (math.prod(batch), *A.in_shape)), A.y, precision=A.precision)
    return ops.reshape(y, (*batch, *A.out_shape))


@times.register
def _conv(A: maps.ConvMap, x: Any) -> Any:
    batch = _batch(A, x)
    images = ops.reshape(x, (math.prod(batch), *A.in_shape))
    y = convolve_p(images, A.w, geometry=A.geometry, form=A.form, arithmetic=A.arithmetic)
    return ops.reshape(y, (*batch, *A.out_shape))


@times.register
def _patches(A: maps.PatchMap, w: Any) -> Any:
    return _one_by_one(A, w, lambda w: convolve_p(_images(A), w, **_static(A)))


@times.register
def _transposed(A: maps.Transposed, y: Any) -> Any:
    if not isinstance(A.of, maps.PatchMap):
        return apply_p(y, A=A)
    X, images = A.of, (math.prod(A.of.batch), *A.of.geometry.out_shape)
    return _one_by_one(A, y, lambda y: correlate_p(_images(X), ops.reshape(y, images), **_static(X)))


def _applied(A: maps.LinearMap, x: Any) -> Any:
    """A(x), whose first axis lies on an explicit mesh as that of x does where it is as long."""
    if not tell_a_layout(map(jax.typeof, (x, *jax.tree.leaves(A)))):
        return A(x)
    layout = layout_as_long(x, (*_batch(A, x), *A.out_shape))
    return laid_out(lambda A, x: A(x), lambda *_: layout)(A, x)


def _batch(A: maps.LinearMap, x: Any) -> tuple[int, ...]:
    return x.shape[: x.ndim - len(A.in_shape)]


def _images(X: maps.PatchMap) -> Any:
    return ops.reshape(X.x, (math.prod(X.batch), *X.geometry.in_shape))


def _static(X: maps.PatchMap) -> dict[str, Any]:
    return {"geometry": X.geometry, "form": X.form, "arithmetic": X.arithmetic}


def _one_by_one(A: maps.LinearMap, x: Any, product: Any) -> Any:
    """A product with every vector of a batch: at once where nothing is traced, one after the other otherwise."""
    batch = _batch(A, x)
    if not batch:
        return ops.reshape(product(x), A.out_shape)
    if not any(isinstance(value, Traced) for value in (x, *jax.tree.leaves(A))):
        return apply_p(x, A=A)
    vectors = ops.reshape(x, (math.prod(batch), *A.in_shape))
    products = [ops.reshape(product(vectors[n]), (1, *A.out_shape)) for n in range(len(vectors))]
    return ops.reshape(ops.concatenate(products), (*batch, *A.out_shape))
