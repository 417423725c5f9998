"""The trilinear form τ(x, w, y) as two JAX primitives, each bilinear, each the transpose of the other.

`convolve` fixes x and w and is the gradient of τ in y; `correlate` fixes x and y and is its gradient in w. The
gradient in x is `convolve` on the transposed geometry. Stated this way, JAX differentiates, transposes and maps them
to any order without a rule of its own for any form, and each of the three products is free to choose its own form.

Here the rule of `minicnn.forms.arithmetic` is kept for every form at once: a form is given the operands as they are and
asked for its result in the dtype in which it is to be summed, and that is rounded once.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.bilinear import Bilinear
from minicnn.forms.device_tiles import convolve_on_mesh, correlate_on_mesh
from minicnn.forms.form import Form
from minicnn.forms.geometry import Geometry, swap_channels
from minicnn.forms.meshes import spec_of_convolve, spec_of_correlate, vary_alike
from minicnn.forms.portions import mapped, summed
from minicnn.forms.reach import put_back, taken, within_reach
from minicnn.forms.shaping import moved


def convolve(
    x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], geometry: Geometry, form: Form, arithmetic: Arithmetic
) -> Shaped[Array, "b *out co"]:
    """C(w)·x. Where a mask joins no channels, w does not matter, not even a NaN in it."""
    w, geometry = masked(w, geometry), geometry.unmasked
    return _convolve_p.bind(*vary_alike(x, w), geometry=geometry, form=form, arithmetic=arithmetic)


def correlate(
    x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], geometry: Geometry, form: Form, arithmetic: Arithmetic
) -> Shaped[Array, "*k c co"]:
    """X(x)ᵀ·y, zero where a mask joins no channels."""
    w = _correlate_p.bind(*vary_alike(x, y), geometry=geometry.unmasked, form=form, arithmetic=arithmetic)
    return masked(w, geometry)


def masked(w: Shaped[Array, "*k c co"], geometry: Geometry) -> Shaped[Array, "*k c co"]:
    """The kernel with zeros where the geometry joins no channels."""
    return w if geometry.mask is None else jnp.where(geometry.joined, w, 0)


def _convolve(
    x: Array, w: Array, *, geometry: Geometry, form: Form, arithmetic: Arithmetic, in_portions: bool = False
) -> Array:
    meeting, inputs, outputs = within_reach(geometry)
    x, form = taken(x, inputs), _settled(form, meeting, x, w)
    total, dtype = arithmetic.summing(x, w), arithmetic.result_type(x, w)
    of_images = lambda x: form.convolve(meeting, x, w, total).astype(dtype)
    like = jax.ShapeDtypeStruct(meeting.out_shape, dtype)
    y = mapped(of_images, x, _portions(form, meeting, x) if in_portions else 1, like)
    return put_back(y, outputs, geometry.out_shape[:-1])


def _correlate(
    x: Array, y: Array, *, geometry: Geometry, form: Form, arithmetic: Arithmetic, in_portions: bool = False
) -> Array:
    meeting, inputs, outputs = within_reach(geometry)
    x, y, form = taken(x, inputs), taken(y, outputs), _settled(form.in_weights, meeting, x, y)
    total, dtype = arithmetic.summing(x, y), arithmetic.result_type(x, y)
    of_images = lambda x, y: form.correlate(meeting, x, y, total)
    like = jax.ShapeDtypeStruct(meeting.w_shape, total.result_type(x, y))
    return summed(of_images, x, y, _portions(form, meeting, x) if in_portions else 1, like).astype(dtype)


# How many images a batch is taken to have when a form is chosen for one of any size, as `jax.export` traces it with a
# symbolic shape: what networks are mostly trained and served with. The choice depends on it little.
_TYPICAL = 32


def _settled(form: Form, geometry: Geometry, x: Array, other: Array) -> Form:
    return form.settled(geometry, typical(x.shape[0]), jnp.result_type(x, other))


def typical(images: Any) -> int:
    """The number of images for which a form is chosen."""
    return images if isinstance(images, int) else _TYPICAL


def _portions(form: Form, geometry: Geometry, x: Array) -> int:
    return form.portions(geometry, x.shape[0]) if isinstance(x.shape[0], int) else 1


def _x_bar(y_bar: Array, x: Any, w: Array, *, geometry: Geometry, form: Form, arithmetic: Arithmetic) -> Array:
    y_bar = arithmetic.cotangent(y_bar)
    return convolve(y_bar, swap_channels(w, geometry), geometry.T, form, arithmetic.plain).astype(x.aval.dtype)


def _w_bar(y_bar: Array, x: Array, w: Any, *, geometry: Geometry, form: Form, arithmetic: Arithmetic) -> Array:
    return correlate(x, arithmetic.cotangent(y_bar), geometry, form, arithmetic.plain).astype(w.aval.dtype)


def _x_bar_of_correlate(
    w_bar: Array, x: Any, y: Array, *, geometry: Geometry, form: Form, arithmetic: Arithmetic
) -> Array:
    return convolve(y, swap_channels(w_bar, geometry), geometry.T, form, arithmetic.plain).astype(x.aval.dtype)


def _y_bar_of_correlate(
    w_bar: Array, x: Array, y: Any, *, geometry: Geometry, form: Form, arithmetic: Arithmetic
) -> Array:
    return convolve(x, w_bar, geometry, form, arithmetic.plain).astype(y.aval.dtype)


def _convolve_many(x: Array, w: Array, dims: tuple[Any, Any], geometry: Geometry, **static: Any) -> Array:
    """Many images are a batch, many kernels are channels, and many of both are groups."""
    x_dim, w_dim = dims
    if w_dim is None:
        x = moved(x, x_dim, 0)
        y = convolve(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), w, geometry, **static)
        return y.reshape(*x.shape[:2], *y.shape[1:])
    n, groups = w.shape[w_dim], geometry.groups
    if x_dim is None:
        w = _merge(_split(w, w_dim, groups), n)
        y = convolve(x, w, geometry.times(c_out=n), **static)
        return _part(y, groups, n)
    x, w = _merge(_split(x, x_dim, 1), n), _merge(_split(w, w_dim, 1), n)
    return _part(convolve(x, w, geometry.times(groups=n), **static), 1, n)


def _correlate_many(x: Array, y: Array, dims: tuple[Any, Any], geometry: Geometry, **static: Any) -> Array:
    """More kernels' gradients: the same, with the channels of either operand or with groups."""
    x_dim, y_dim = dims
    groups, n = geometry.groups, x.shape[x_dim] if y_dim is None else y.shape[y_dim]
    if x_dim is None:
        w = correlate(x, _merge(_split(y, y_dim, groups), n), geometry.times(c_out=n), **static)
        return _part(w, groups, n)
    if y_dim is None:
        w = correlate(_merge(_split(x, x_dim, groups), n), y, geometry.times(c_in=n), **static)
        w = w.reshape(*w.shape[:-2], n, w.shape[-2] // n, w.shape[-1])
        return moved(w, -3, 0)
    x, y = _merge(_split(x, x_dim, 1), n), _merge(_split(y, y_dim, 1), n)
    return _part(correlate(x, y, geometry.times(groups=n), **static), 1, n)


def _split(a: Array, dim: Any, groups: int) -> Array:
    """The mapped axis between the groups and the channels: (*, g, n, c)."""
    a = moved(a, dim, 0)
    return moved(a.reshape(*a.shape[:-1], groups, a.shape[-1] // groups), 0, -2)


def _merge(a: Array, n: int) -> Array:
    """From (*, g, n, c) to (*, g·n·c)."""
    return a.reshape(*a.shape[:-3], a.shape[-3] * n * a.shape[-1])


def _part(a: Array, groups: int, n: int) -> Array:
    """From (*, g·n·c) to (n, *, g·c)."""
    a = moved(a.reshape(*a.shape[:-1], groups, n, a.shape[-1] // (groups * n)), -2, 0)
    return a.reshape(*a.shape[:-2], a.shape[-2] * a.shape[-1])


_convolve_p = Bilinear(
    name="convolve",
    compute=_convolve,
    in_portions=partial(_convolve, in_portions=True),
    shape=lambda geometry, images: (images, *geometry.out_shape),
    spec_of=spec_of_convolve,
    on_mesh=convolve_on_mesh,
    left_bar=_x_bar,
    right_bar=_w_bar,
    many=_convolve_many,
).primitive()
_correlate_p = Bilinear(
    name="correlate",
    compute=_correlate,
    in_portions=partial(_correlate, in_portions=True),
    shape=lambda geometry, images: geometry.w_shape,
    spec_of=spec_of_correlate,
    on_mesh=correlate_on_mesh,
    left_bar=_x_bar_of_correlate,
    right_bar=_y_bar_of_correlate,
    many=_correlate_many,
).primitive()

STEPS = {"convolve": _convolve, "correlate": _correlate}  # what they compute, of JAX's own operations
