"""What takes the place of lax's convolutions and pools: a rule for each primitive."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp

from minicnn.acceleration import pooling
from minicnn.acceleration.cheapest import Cheapest, products
from minicnn.acceleration.decision import Decision, Setting, left
from minicnn.compat import Product
from minicnn.forms import Arithmetic, Auto, Form, Geometry
from minicnn.forms.meshes import as_asked
from minicnn.forms.trilinear import convolve, correlate, typical

_NUMBERS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int8", "int16", "int32", "int64",
            "uint8", "uint16", "uint32", "uint64")  # fmt: skip


def _convolution(equation: Any, setting: Setting) -> Decision:
    lhs, rhs = (atom.aval for atom in equation.invars)
    (out,) = (atom.aval for atom in equation.outvars)
    params = equation.params
    if not all(isinstance(n, int) for n in (*lhs.shape[1:], *rhs.shape)):
        return left("its shape is not known")
    if lhs.dtype.name not in _NUMBERS or (lhs.weak_type and rhs.weak_type):
        return left(f"numbers of {lhs.dtype.name} are left to lax")
    if 0 in (*lhs.shape, *rhs.shape, *out.shape) or len(lhs.shape) == 2:
        return left("there is nothing to convolve")
    product = _product(lhs.shape, rhs.shape, params)
    arithmetic = Arithmetic(params["precision"], out.dtype)
    form: Form = Auto() if setting.always or setting.looped or _of_integers(equation) else Cheapest()
    dtype, images = lhs.dtype, typical(product.images)
    few = math.prod(product.geometry.out_shape[:-1]) < math.prod(product.geometry.w_shape[:-2])
    if few and isinstance(product.images, int):
        geometry, images = exchanged(product.geometry, images)
        multiply, names = partial(_correlate, product), ("w̄", "x̄", "y")
    else:
        geometry, multiply, names = product.geometry, partial(_convolve, product), ("y", "x̄", "w̄")
    found = products(form, geometry, images, dtype)
    if set(found.values()) == {"lax"}:
        return left("lax is predicted to be faster")
    said = ", ".join(f"{name} {found[of]}" for name, of in zip(("y", "x̄", "w̄"), names, strict=True))
    compute = partial(multiply, form=form, arithmetic=arithmetic)
    return Decision(as_asked(compute, params.get("out_sharding")), said)


def _of_integers(equation: Any) -> bool:
    """Whether it convolves integers, which cuDNN refuses but for a few cases, and lax takes one by one on CPUs."""
    return bool(jnp.issubdtype(equation.invars[0].aval.dtype, jnp.integer))


def _product(lhs_shape: Sequence[int], rhs_shape: Sequence[int], params: Mapping[str, Any]) -> Product:
    return Product.of(
        lhs_shape,
        rhs_shape,
        params["window_strides"],
        params["padding"],
        params["lhs_dilation"],
        params["rhs_dilation"],
        params["dimension_numbers"],
        params["feature_group_count"],
        params["batch_group_count"],
    )


def _convolve(product: Product, lhs: Any, rhs: Any, form: Form, arithmetic: Arithmetic) -> Any:
    x, w = product.operands(lhs, rhs)
    return product.result(convolve(x, w, product.geometry, form, arithmetic))


def _correlate(product: Product, lhs: Any, rhs: Any, form: Form, arithmetic: Arithmetic) -> Any:
    """The same result, as the gradient in the weights of the convolution whose taps are the outputs."""
    x, w = product.operands(lhs, rhs)
    images, groups = x.shape[0], product.geometry.groups
    geometry, channels = exchanged(product.geometry, images)
    x = x.reshape(*x.shape[:-1], groups, channels)
    x = jnp.moveaxis(x, (-1, 0), (0, -1)).reshape(channels, *x.shape[1:-2], groups * images)
    y = correlate(x, jnp.moveaxis(w, -2, 0), geometry, form, arithmetic)
    return product.result(jnp.moveaxis(y, -2, 0))


def exchanged(geometry: Geometry, images: int) -> tuple[Geometry, int]:
    """The geometry in which taps and outputs have changed places, and images and channels; and its images.

    τ(x, w, y) = Σ y[o]·w[k]·x[i] over u·i = s·o + d·k − p treats o and k alike. So a convolution is also the gradient
    of another one in its weights. Where a kernel has more taps than there are outputs, as in the gradient of a
    convolution when it is written down as one, that is the cheaper way to multiply.
    """
    axes = tuple(
        type(axis)(axis.in_size, axis.kernel_size, axis.out_size, axis.dilation, axis.stride, axis.stretch, axis.low)
        for axis in geometry.axes
    )
    return Geometry(axes, images * geometry.groups, geometry.c_out, geometry.groups), geometry.c_in // geometry.groups


Rule = Callable[[Any, Setting], Decision]

RULES: dict[str, Rule] = {"conv_general_dilated": _convolution, **pooling.RULES}


def decide(equation: Any, setting: Setting) -> Decision | None:
    """What is decided about an equation; None for what is neither a convolution nor a pool."""
    rule = RULES.get(equation.primitive.name)
    if rule is None:
        return None
    if setting.accelerator and not setting.always and not (rule is _convolution and _of_integers(equation)):
        return left("no gain is predicted on GPUs and TPUs")
    return rule(equation, setting)
