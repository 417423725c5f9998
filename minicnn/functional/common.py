"""What the functions of this package share: jitted primitives and batch axes."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from minicnn import ops
from minicnn.forms.meshes import laid_out, spec_of_images
from minicnn.primitive import Primitive


def jitted_primitive(name: str, compute: Callable[..., Any]) -> Primitive:
    """A primitive that compiles once for each set of shapes and static parameters.

    Its result is one of images: where those lie across an explicit mesh, it lies like the images it was made of.
    """
    return compiled_primitive(name, laid_out(compute, spec_of_images))


def compiled_primitive(name: str, compute: Callable[..., Any]) -> Primitive:
    """As `jitted_primitive`, of a computation that knows by itself how its result lies on a mesh."""
    return Primitive(name, partial(_jitted, compute))


def _jitted(compute: Callable[..., Any], *operands: Any, **params: Any) -> Any:
    return _jit(compute, tuple(params.items()), *operands)


@partial(jax.jit, static_argnums=(0, 1), inline=True)
def _jit(compute: Callable[..., Any], params: tuple[tuple[str, Any], ...], *operands: Any) -> Any:
    return compute(*operands, **dict(params))


def batched(function: Callable[..., Any], x: Any, rank: int, *operands: Any, **params: Any) -> Any:
    """Call a function of (b, *spatial, c), and of what else it takes, on an x with any number of leading batch axes."""
    batch, image = x.shape[: -rank - 1], x.shape[-rank - 1 :]
    y = function(ops.reshape(x, (math.prod(batch), *image)), *operands, **params)
    return ops.reshape(y, (*batch, *y.shape[1:]))
