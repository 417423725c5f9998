"""What does a strided layer not see?

A layer with fewer outputs than inputs has a null space: whatever is in it can be added to an image without changing one
activation. `minicnn.linalg.null_space` gives an orthonormal basis N of it, and z ↦ x + N·Nᴴ·(z − x) is the image
nearest to z that the layer takes for x. With four oriented edge detectors of 5×5 pixels and stride 4, a dahlia has the
activations of a temple. With stride 1 the same four detectors see everything.

That the two images differ by a fifth of their length, the activations of stride 1 too, and that the twin is a tenth
nearer are bounds of our own.

Sources: linear algebra, rank plus nullity; J. Bruna, A. Szlam & Y. LeCun, "Signal recovery from pooling
representations" (2014), on what a layer can be inverted from.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.gabor import gabor
from experiments.photographs import grey_photograph
from minicnn import linalg
from minicnn.maps import LinearMap

ROWS = ()
SMALL = {"side": 21}
FULL = {"side": 61}

SIDE, STRIDE = 5, 4  # of a detector, and its steps
ANGLES = (0, 45, 90, 135)
SCENE = 244  # pixels of a photograph that is averaged down to an image


def run(side: int = 37) -> Result:
    """Look for the null space of a layer and put one image into the activations of another.

    Args:
        side: pixels of an image.
    """
    with jax.enable_x64(True):
        layer, dense = detectors(side, STRIDE), detectors(side, 1)
        N = linalg.null_space(layer)
        seen, wanted = (jnp.asarray(small_image(name, side)) for name in ("china", "flower"))
        twin = seen + N(N.H(wanted - seen))
        values = np.asarray(linalg.svdvals(layer))
        claims = _claims(layer, dense, N, seen, twin, wanted)
        y = np.asarray(layer(seen)), np.asarray(layer(twin))
    shape = len(values), seen.size, len(values) - (values < 1e-12).sum(), N.shape[1]
    table = Table("The layer and its null space", ("rows", "columns", "rank", "nullity"), (shape,))
    images = {"x": seen, "z": wanted, "nearest to z\nthat looks like x": twin}
    return Result(claims, (table,), (_picture({k: np.asarray(v) for k, v in images.items()}, y, values),))


def detectors(side: int, stride: int) -> LinearMap:
    """The layer: four oriented edge detectors."""
    w = gabor(SIDE, np.array(ANGLES), 5.0, np.full(len(ANGLES), 90.0), 1.6)
    return minicnn.conv_map(jnp.asarray(np.moveaxis(w, 0, -1)[:, :, None]), (side, side), stride=stride)


def small_image(name: str, side: int) -> np.ndarray:
    """A photograph averaged down, between 0 and 1."""
    window = SCENE // side
    whole = grey_photograph(side * window, side * window, name).astype(float) / 255
    return np.asarray(minicnn.avg_pool(jnp.asarray(whole), (window, window)))


def _claims(
    layer: LinearMap, dense: LinearMap, N: LinearMap, seen: jax.Array, twin: jax.Array, wanted: jax.Array
) -> list[Claim]:
    rank, nullity = linalg.rank(layer), N.shape[1]
    coefficients = jnp.eye(nullity)[: min(nullity, 32)].reshape(-1, *N.in_shape)
    basis = N(coefficients)
    y = layer(seen)
    largest = float(linalg.norm(layer))
    apart = float(jnp.linalg.norm(twin - seen) / jnp.linalg.norm(seen))
    return [
        equal("rank and nullity together", rank + nullity, layer.shape[1], "the rank theorem"),
        equal("nullity", nullity, layer.shape[1] - layer.shape[0], "the rows are independent"),
        at_most("largest activation of the basis", float(jnp.abs(layer(basis)).max()), 1e-11 * largest, "A·N = 0"),
        at_most(
            "Nᴴ·N differs from the identity by",
            float(jnp.abs(N.H(basis) - coefficients).max()),
            1e-12,
            "an orthonormal basis",
        ),
        at_least("two images differ by, of their length", apart, 0.2, "they are two photographs"),
        at_most(
            "their activations differ by, at most",
            float(jnp.abs(layer(twin) - y).max()),
            1e-11 * largest,
            "rounding of sums of 25 products",
        ),
        at_most(
            "the twin is nearer to z than x is, by a factor",
            float(jnp.linalg.norm(twin - wanted) / jnp.linalg.norm(seen - wanted)),
            0.9,
            "the projection is the nearest",
        ),
        at_least(
            "with stride 1 their activations differ by, of their length",
            float(jnp.linalg.norm(dense(twin) - dense(seen)) / jnp.linalg.norm(dense(seen))),
            0.2,
            "it sees them",
        ),
    ]


def _picture(images: dict[str, np.ndarray], y: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 3)
        for axes, (name, image) in zip(panels[0], images.items(), strict=True):
            axes.imshow(image[..., 0], cmap="gray")
            axes.set(title=name, xticks=(), yticks=())
        limit = np.abs(y[0]).max()
        for axes, activations, name in zip(panels[1], y, ("activations of x", "activations of its twin"), strict=False):
            rows = np.concatenate(
                [np.concatenate(list(np.moveaxis(part, -1, 0)), 1) for part in np.split(activations, 2, -1)]
            )
            axes.imshow(rows, cmap="cividis", vmin=-limit, vmax=limit)
            axes.set(title=name, xticks=(), yticks=())
        columns = images["x"].size
        last = panels[1, 2]
        last.plot(np.arange(1, len(values) + 1), values, color="k")
        last.plot([len(values) + 1, columns], [0, 0], linestyle=":", color="k")
        last.annotate("null space", (columns, 0), (0, 8), textcoords="offset points", ha="right")
        last.set(title="singular values", xlabel="number", ylim=(-0.05 * values[0], None))

    caption = "Two images that differ, their activations, which do not, and the singular values of the layer."
    return Picture("twins", caption, draw, 0.72)
