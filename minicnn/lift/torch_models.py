"""Modules of PyTorch as functions of JAX: values and gradients are PyTorch's own, and JAX calls it for them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def as_function(module: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A module as a function of its parameters and inputs, and the parameters that it has.

    The function has the derivative that PyTorch finds backwards, and no other.
    """
    params = {name: jnp.asarray(p.detach().numpy()) for name, p in module.named_parameters()}

    @jax.custom_vjp
    def f(params: Any, *inputs: Any) -> Any:
        shapes = jax.eval_shape(lambda *given: given, params, *inputs)
        like = _forward(module, *jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes))
        out = jax.ShapeDtypeStruct(like.shape, like.dtype)
        return jax.pure_callback(lambda *given: _forward(module, *given), out, params, *inputs)

    def backward(given: Any, y_bar: Any) -> Any:
        like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), given)
        return jax.pure_callback(lambda given, y_bar: _backward(module, given, y_bar), like, given, y_bar)

    f.defvjp(lambda *given: (f(*given), given), backward)
    return f, params


def _forward(module: Any, params: Any, *inputs: Any) -> np.ndarray:
    import torch  # pyright: ignore[reportMissingImports]

    with torch.no_grad():
        return _called(module, *_tensors((params, *inputs))).numpy()


def _backward(module: Any, given: Any, y_bar: Any) -> Any:
    import torch  # pyright: ignore[reportMissingImports]

    tensors = _tensors(given)
    leaves = jax.tree.leaves(tensors)
    for leaf in leaves:
        leaf.requires_grad_(True)
    y = _called(module, *tensors)
    found = torch.autograd.grad(y, leaves, _tensors(y_bar), allow_unused=True, materialize_grads=True)
    return jax.tree.unflatten(jax.tree.structure(given), [gradient.numpy() for gradient in found])


def _called(module: Any, params: Any, *inputs: Any) -> Any:
    import torch  # pyright: ignore[reportMissingImports]

    buffers = {name: b.to(inputs[0].dtype) if b.is_floating_point() else b for name, b in module.named_buffers()}
    return torch.func.functional_call(module, {**params, **buffers}, inputs)


def _tensors(values: Any) -> Any:
    import torch  # pyright: ignore[reportMissingImports]

    return jax.tree.map(lambda value: torch.from_numpy(np.array(value)), values)
