"""Products taken portion by portion: few images at a time, so that what is moved between them stays in a cache."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.fence import fence


def mapped(
    product: Callable[[Array], Array], x: Shaped[Array, "b *in ci"], portions: int
) -> Shaped[Array, "b *out co"]:
    """The product with every image, in so many portions of the batch; what remains of it is one portion more."""
    if portions == 1:
        return product(x)
    whole, rest = _split(x, portions)
    like = jax.eval_shape(product, whole[0])
    # `jax.lax.map` would have zeros to write to from the start of the program
    y = jnp.broadcast_to(fence(jnp.zeros((), like.dtype), x), (len(whole), *like.shape))
    portion = lambda n: product(jax.lax.dynamic_index_in_dim(whole, n, keepdims=False))
    write = lambda n, y: jax.lax.dynamic_update_index_in_dim(y, portion(n), n, 0)
    y = jax.lax.fori_loop(0, len(whole), write, y)
    y = y.reshape(-1, *y.shape[2:])
    return jnp.concatenate([y, product(rest)]) if len(rest) else y


def summed(
    product: Callable[[Array, Array], Array],
    x: Shaped[Array, "b *in ci"],
    y: Shaped[Array, "b *out co"],
    portions: int,
) -> Shaped[Array, "*k c co"]:
    """The sum over all images of a product of x and y."""
    if portions == 1:
        return product(x, y)
    (x, x_rest), (y, y_rest) = _split(fence(x, y), portions), _split(y, portions)
    shape = jax.eval_shape(product, x[0], y[0])
    add = lambda total, images: (total + product(*images), None)
    total, _ = jax.lax.scan(add, jnp.zeros(shape.shape, shape.dtype), (x, y))
    return total + product(x_rest, y_rest) if len(x_rest) else total


def _split(a: Array, portions: int) -> tuple[Array, Array]:
    """As many equal portions as fit, (portions, images, …), and what remains."""
    size = max(-(-len(a) // portions), 1)
    whole = len(a) // size * size
    return a[:whole].reshape(-1, size, *a.shape[1:]), a[whole:]
