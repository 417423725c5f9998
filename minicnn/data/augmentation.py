"""Random changes of training images."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def shifted(
    key: jax.Array, images: Float[Array, "n h w c"], reach: int, background: float = -0.1
) -> Float[Array, "n h w c"]:
    """Each image moved by up to `reach` pixels along both axes, with `background` coming in at the border.

    >>> shifted(jax.random.key(0), jnp.ones((5, 32, 32, 1)), 2).shape
    (5, 32, 32, 1)
    """
    count, *size, channels = images.shape
    starts = jax.random.randint(key, (count, 2), 0, 2 * reach + 1)
    wide = jnp.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), constant_values=background)
    return jax.vmap(lambda image, start: jax.lax.dynamic_slice(image, (*start, 0), (*size, channels)))(wide, starts)
