"""Images without their slant, and in their boxes: what the classifiers of 1998 were given besides plain pixels."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from minicnn.data.dataset import READ_AT_ONCE, full_batches
from minicnn.data.resampling import resampling
from minicnn.maps import LinearMap

Images = Float[np.ndarray, "n h w c"]
BOX = 20  # side of the square into which NIST's digits were scaled


def slant(ink: Float[Array, "h w"]) -> tuple[Array, Array]:
    """How many columns the strokes move to the right in each row, and the row of their centre.

    It is the quotient of two second moments about the centre, where a pixel of more than half the full ink counts 1
    and any other 0, as in the paper: the line along which columns depend on rows.

    >>> [round(float(number), 6) for number in slant(jnp.eye(5))]
    [1.0, 2.0]
    """
    strokes = (ink > 0.5).astype(ink.dtype)
    i, j = (jnp.arange(size, dtype=ink.dtype) for size in ink.shape)
    mass = jnp.maximum(strokes.sum(), 1)
    row, column = (strokes @ jnp.ones_like(j)) @ i / mass, (jnp.ones_like(i) @ strokes) @ j / mass
    across, along = (i - row) @ strokes @ (j - column), ((i - row) ** 2) @ strokes @ jnp.ones_like(j)
    return across / jnp.maximum(along, 1), row


def deskewing(ink: Float[Array, "h w"]) -> LinearMap:
    """The matrix that shears an image so that its strokes have no slant: it moves each row sideways."""
    slope, row = slant(ink)
    A = jnp.array([[1.0, 0.0], [slope, 1.0]], ink.dtype)
    return resampling(A, jnp.array([0.0, slope * ((ink.shape[0] - 1) / 2 - row)]), ink.shape)


def deskewed(images: Images, pixels: tuple[float, float]) -> Images:
    """Every image times the matrix of its own slant.

    Args:
        images: of one channel.
        pixels: the levels of paper, which comes in at the sides, and of ink.
    """
    batches = full_batches(len(images), min(READ_AT_ONCE, len(images)))
    found = [np.asarray(_deskew(images[rows], *pixels)) for rows in batches]
    return np.concatenate(found)[: len(images)]


@partial(jax.jit, static_argnums=(1, 2))
def _deskew(images: Array, paper: float, full: float) -> Array:
    def one(image: Array) -> Array:
        ink = image - paper
        return deskewing(ink[..., 0] / (full - paper))(ink) + paper

    return jax.vmap(one)(images)


def boxed(images: Images, paper: float) -> Images:
    """The 20×20 pixels around the middle of the box that holds the ink of each image.

    MNIST's digits fill such a box in one direction, and were then moved so that their centre of mass is in the middle
    of 28×28 pixels: this takes the move back.

    >>> image = np.zeros((1, 32, 32, 1), np.float32)
    >>> image[0, 2:22, 9:13] = 1
    >>> [int(edge.sum()) for edge in boxed(image, 0.0)[0, [0, -1]]]
    [4, 4]
    """
    # Resampled images have paper that is exact to rounding only.
    ink = images[..., 0] > paper + 1e-3
    rows, columns = (_window(np.asarray(ink.any(axis))) for axis in (2, 1))
    return images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def _window(taken: np.ndarray) -> np.ndarray:
    """The 20 positions around the middle of what is taken on an axis, (n, 20)."""
    length = taken.shape[1]
    first, last = taken.argmax(1), length - 1 - taken[:, ::-1].argmax(1)
    start = np.clip((first + last + 1 - BOX + 1) // 2, 0, length - BOX)
    return start[:, None] + np.arange(BOX)
