"""Random changes of training images, and the table of them by name."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from minicnn.arguments import look_up
from minicnn.data.resampling import resampling
from minicnn.train.config import Config

Augmentation = Callable[[jax.Array, Array], Array]


def unchanged(config: Config) -> Augmentation:
    """Leave the images as they are."""
    return lambda key, images: images


def shift(config: Config) -> Augmentation:
    """Move each image by up to `reach` pixels along both axes."""
    return (lambda key, images: shifted(key, images, config.reach)) if config.reach else unchanged(config)


def distort(config: Config) -> Augmentation:
    """Translate each image by up to `reach` pixels, scale, squeeze and shear it."""
    return lambda key, images: distorted(key, images, config.reach)


AUGMENTATIONS: dict[str, Callable[[Config], Any]] = {"none": unchanged, "shift": shift, "distort": distort}


def augmentation_of(config: Config) -> Augmentation:
    """The augmentation that a config names.

    Raises:
        ValueError: listing the names there are.
    """
    return look_up("augment", config.augment, AUGMENTATIONS)(config)


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


def distorted(
    key: jax.Array,
    images: Float[Array, "n h w c"],
    reach: float = 2.0,
    scale: float = 0.15,
    squeeze: float = 0.15,
    shear: float = 0.3,
    background: float = -0.1,
) -> Float[Array, "n h w c"]:
    """Each image under a random planar distortion of its own, as LeNet-5 was trained with.

    Translation in both directions, scaling, squeezing (compression of one direction and elongation of the other) and
    horizontal shearing, each uniform up to its bound, make one affine map; `minicnn.data.resampling` is its matrix.

    Args:
        key: of the draws.
        images: the images.
        reach: pixels of translation.
        scale: of the logarithm of the size.
        squeeze: of the logarithm of the ratio of height to width, halved.
        shear: columns per row.
        background: what comes in at the border.

    >>> distorted(jax.random.key(0), jnp.ones((5, 32, 32, 1))).shape
    (5, 32, 32, 1)
    """
    bounds = jnp.array([reach, reach, scale, squeeze, shear])
    draws = bounds[None] * jax.random.uniform(key, (len(images), 5), minval=-1)

    def distort(image: Array, draw: Array) -> Array:
        size, squeezed = draw[2], draw[3]
        A = jnp.array([[jnp.exp(size + squeezed), 0.0], [draw[4], jnp.exp(size - squeezed)]])
        R = resampling(A, draw[:2], image.shape[:2], image.shape[2])
        return R(image - background) + background

    return jax.vmap(distort)(images, draws)
