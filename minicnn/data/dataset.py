"""What a data set is: images and labels, split into training and test."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float32, Int32


@dataclass(frozen=True)
class Split:
    """Images (n, height, width, channels) with labels (n,)."""

    images: Float32[np.ndarray, "n h w c"]
    labels: Int32[np.ndarray, " n"]

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def __getitem__(self, chosen: Any) -> "Split":
        """Some of the images, by a slice or by a list of positions."""
        return Split(self.images[chosen], self.labels[chosen])

    def batches(self, size: int, key: jax.Array | None = None) -> Iterator["Split"]:
        """Batches of `size` images: shuffled by `key` and all full, or in order with the last one short."""
        order = np.arange(len(self)) if key is None else np.asarray(jax.random.permutation(key, len(self)))
        stop = len(self) if key is None else len(self) - len(self) % size
        for start in range(0, stop, size):
            yield self[order[start : start + size]]


@dataclass(frozen=True)
class Dataset:
    """A named data set.

    Attributes:
        name: how the command line calls it.
        classes: the names of the classes, in the order of the labels.
        train: what is learnt from.
        test: what is measured on.
        pixels: what 0 and 255 have become: paper and ink.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    pixels: tuple[float, float] = (-0.1, 1.175)

    @property
    def in_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return self.train.images.shape[1:]
