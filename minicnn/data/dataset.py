"""What a data set is: images and labels, split into training and test."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, Int, Int32

from minicnn.arguments import integer, is_sequence, number

# Images per call of a network that only reads them: few calls, and little memory for each. It was not tuned.
READ_AT_ONCE = 500


@dataclass(frozen=True)
class Split:
    """Images with labels.

    Attributes:
        images: (n, height, width, channels).
        labels: (n,), the number of the class of each image.

    Raises:
        ValueError: if `images` has not four axes, or `labels` not one of the same length.
        TypeError: if `images` are not real numbers, or `labels` not integers.

    >>> Split(np.zeros((3, 8, 8, 1), np.float32), np.array([2, 0]))
    Traceback (most recent call last):
    ...
    ValueError: `labels` of shape (2,) must be (3,), one for each image
    """

    images: Float32[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"]

    def __post_init__(self) -> None:
        for name in ("images", "labels"):
            array = np.asarray(getattr(self, name))
            object.__setattr__(self, name, array.astype(array.dtype.newbyteorder("="), copy=False))
        images, labels = np.shape(self.images), np.shape(self.labels)
        if len(images) != 4:
            hint = "; give `images[..., None]` if they have one channel" if len(images) == 3 else ""
            raise ValueError(f"`images` of shape {images} must be (n, height, width, channels){hint}")
        if labels != images[:1]:
            hint = ""
            if labels[:1] == images[:1] and len(labels) == 2:
                one_hot = "`labels.argmax(-1)`, if they are one-hot"
                hint = ": give " + ("`labels.ravel()`" if labels[1] == 1 else one_hot)
            raise ValueError(f"`labels` of shape {labels} must be ({images[0]},), one for each image{hint}")
        if not any(jnp.issubdtype(self.images.dtype, kind) for kind in (np.bool_, jnp.integer, jnp.floating)):
            raise TypeError(f"`images` of {self.images.dtype} must be numbers: give `images.astype('float32')`")
        if not jnp.issubdtype(self.labels.dtype, jnp.integer):
            raise TypeError(f"`labels` of {self.labels.dtype} must be integers: give `labels.astype('int32')`")

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def __getitem__(self, chosen: Any) -> "Split":
        """Return some of the images, chosen by a slice or by a list of positions."""
        return Split(self.images[chosen], self.labels[chosen])

    def batches(self, size: int, key: jax.Array | None = None) -> Iterator["Split"]:
        """Yield batches of `size` images: shuffled by `key` and all full, or in order with the last one short.

        Raises:
            ValueError: if `size` is below 1.
            TypeError: if it is not an integer.
        """
        size = integer("size", size, 1)
        order = np.arange(len(self)) if key is None else np.asarray(jax.random.permutation(key, len(self)))
        stop = len(self) if key is None else len(self) - len(self) % size
        for start in range(0, stop, size):
            yield self[order[start : start + size]]


def full_batches(count: int, size: int) -> Iterator[Int[np.ndarray, " size"]]:
    """The positions of `count` images in order, `size` at a time.

    The last ones are repeated until they are as many, so that a network called with each batch is compiled once.

    >>> list(full_batches(5, 3))
    [array([0, 1, 2]), array([3, 4, 3])]
    """
    return (np.resize(np.arange(start, min(start + size, count)), size) for start in range(0, count, size))


def check_finite(name: str, images: Float32[np.ndarray, "n h w c"]) -> None:
    """Refuse pixels that are NaN or infinite, of which a network makes outputs and a loss that look like its own.

    Raises:
        ValueError: if there are any, naming the first image that has some.

    >>> check_finite("images", np.array([0, np.nan, 1], np.float32).reshape(3, 1, 1, 1))
    Traceback (most recent call last):
    ...
    ValueError: `images` contains NaN, first in image 1: leave such images out, or fill them in
    """
    if np.isfinite(images.min(initial=0)) and np.isfinite(images.max(initial=0)):
        return
    first = int(np.isfinite(images).reshape(len(images), -1).all(1).argmin())
    what = "NaN" if np.isnan(images[first]).any() else "infinite values"
    raise ValueError(f"`{name}` contains {what}, first in image {first}: leave such images out, or fill them in")


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    Attributes:
        name: how the command line calls it.
        classes: the names of the classes, in the order of the labels.
        train: what is learnt from.
        test: what is measured on.
        pixels: what 0 and 255 have become: paper and ink.

    Raises:
        ValueError: if a label has no class, a pixel is NaN or infinite, `pixels` are not two different numbers, or the
            images of `test` have another shape than those of `train`.
        TypeError: if `classes` are not a list of names, or `train` or `test` is not a `Split`.

    >>> split = Split(np.zeros((2, 8, 8, 1), np.float32), np.array([1, 2]))
    >>> Dataset("mine", ("cat", "dog"), split, split)
    Traceback (most recent call last):
    ...
    ValueError: `train` has labels from 1 to 2: the 2 `classes` are numbered from 0 to 1
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    pixels: tuple[float, float] = (-0.1, 1.175)

    def __post_init__(self) -> None:
        if not is_sequence(self.classes):
            raise TypeError(f"`classes`={self.classes!r} must be a tuple of names, one for each class")
        object.__setattr__(self, "classes", tuple(self.classes))
        levels = [number("pixels", level) for level in self.pixels] if is_sequence(self.pixels) else []
        if len(levels) != 2 or levels[0] == levels[1] or not np.isfinite(levels).all():
            raise ValueError(f"`pixels`={self.pixels!r} must be two numbers, those of paper and of ink")
        for name, split in (("train", self.train), ("test", self.test)):
            if not isinstance(split, Split):
                raise TypeError(f"`{name}` is a {type(split).__name__}: make it a minicnn.data.Split")
            check_finite(f"{name}.images", split.images)
            low, high = (int(extreme) for extreme in (split.labels.min(initial=0), split.labels.max(initial=0)))
            if low < 0 or high >= max(len(self.classes), 1):
                low = int(split.labels.min())
                raise ValueError(
                    f"`{name}` has labels from {low} to {high}: the {len(self.classes)} `classes` are numbered from 0 "
                    f"to {len(self.classes) - 1}"
                )
        if self.train.images.shape[1:] != self.test.images.shape[1:]:
            shapes = (split.images.shape[1:] for split in (self.train, self.test))
            raise ValueError("images of `train` are {}, of `test` {}: they must be alike".format(*shapes))

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Return the shape of one image."""
        return self.train.images.shape[1:]
