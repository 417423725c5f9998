"""What is compiled: the primitives that the functions of this package are made of, and whole functions of them."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import jax

from minicnn.axis import Axis
from minicnn.forms.device_tiles import images_on_mesh, windows_on_mesh
from minicnn.forms.meshes import laid_out, spec_of_images
from minicnn.primitive import Primitive, Traced


def jitted_primitive(name: str, compute: Callable[..., Any]) -> Primitive:
    """A primitive that compiles once for each set of shapes and static parameters.

    Its result is one of images, each made of one of every operand: where those lie across an explicit mesh, so does it.
    """
    return compiled_primitive(name, of_each_image(compute))


def of_each_image(compute: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays of images that makes an image of one of each: on an explicit mesh where they are."""
    return images_on_mesh(compute, laid_out(compute, spec_of_images))


def windowed_primitive(
    name: str, windows: Callable[..., Any], rest: Callable[..., Any], fill: Callable[[Any], Any]
) -> Primitive:
    """A primitive that makes an output of each window: `rest(windows(x, axes), x, axes, **params)`.

    Where the spatial axes of x lie across an explicit mesh, each device makes its own part of `windows`. `fill` gives
    what a window finds beyond the ends, from the dtype.
    """

    def compute(x: Any, axes: tuple[Axis, ...], **params: Any) -> Any:
        return rest(windows(x, axes), x, axes, **params)

    def on_mesh(x: Any, axes: tuple[Axis, ...], **params: Any) -> Any:
        y = windows_on_mesh(windows, x, axes, fill(x.dtype))
        return elsewhere(x, axes=axes, **params) if y is None else rest(y, x, axes, **params)

    elsewhere = of_each_image(compute)
    return compiled_primitive(name, on_mesh)


def compiled_primitive(name: str, compute: Callable[..., Any]) -> Primitive:
    """As `jitted_primitive`, of a computation that knows by itself how its result lies on a mesh."""
    return Primitive(name, partial(_jitted, compute))


def in_one_program(function: Callable[..., Any], /, *operands: Any, **params: Any) -> Any:
    """`function(*operands, **params)`: of plain arrays one program, where a trace of ours sees each primitive.

    A change of shape takes as long to compile as a small convolution does, and as long to start. The parameters are
    hashable, and so is the function, which is the same at each call.
    """
    traced = any(isinstance(operand, Traced) for operand in operands)
    return function(*operands, **params) if traced else _jitted(function, *operands, **params)


def _jitted(compute: Callable[..., Any], /, *operands: Any, **params: Any) -> Any:
    if _is_within.get():
        return compute(*operands, **params)
    return _jit(compute, tuple(params.items()), *operands)


@partial(jax.jit, static_argnums=(0, 1), inline=True)
def _jit(compute: Callable[..., Any], params: tuple[tuple[str, Any], ...], *operands: Any) -> Any:
    token = _is_within.set(True)
    try:
        return compute(*operands, **dict(params))
    finally:
        _is_within.reset(token)


# Whether a program of this module is being traced: another one in it is only more to trace.
_is_within: ContextVar[bool] = ContextVar("is_within", default=False)
