"""Primitives that are compiled: what the functions of this package are made of."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

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
