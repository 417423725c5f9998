"""Random changes of a batch of training images, by name."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array

from minicnn.data.augmentation import distorted, shifted
from minicnn.names import find
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
    return find("augment", config.augment, AUGMENTATIONS)(config)
