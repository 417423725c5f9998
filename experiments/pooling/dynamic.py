"""Can each image choose its own regions to pool?

A fixed grid pools whatever falls into its cells. Here k-means groups the locations of one image by their features, and
each group is a region: one row of a matrix P(image), 1/n at its n locations. Images are two textures, stripes of
different orientations, side by side with a border that is somewhere else in each. The features are the local energies
of two derivatives. A region that is one texture has that texture's features; a cell that the border crosses mixes
them.

Sources: Boureau et al. (2011), Ask the locals: multi-way local pooling for image recognition, for the idea of pooling
only what is close in feature space.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.cluster import KMeans

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal

ROWS = (55,)
SMALL = {"images": 4}
FULL = {"images": 200}

SIZE = 24
DERIVATIVES = np.array([[[-1, 1], [-1, 1]], [[-1, -1], [1, 1]]], np.float32) / 2
CELLS = (1, 2)  # the fixed grid: a left and a right half, as many regions as there are textures


@dataclass(frozen=True)
class Scene:
    """An image of two textures, and which of them is where the features are."""

    image: np.ndarray
    texture: np.ndarray


def run(images: int = 24, seed: int = 0) -> Result:
    """Pool images of two textures.

    Args:
        images: how many.
        seed: of the borders and the noise.
    """
    rng = np.random.default_rng(seed)
    scenes = [scene(rng) for _ in range(images)]
    features = [energies(s.image) for s in scenes]
    regions = [clusters(f) for f in features]
    again = [clusters(f) for f in features]
    pools = [pool_of(r) for r in regions]
    grid = np.asarray(minicnn.adaptive_avg_pool_map((*features[0].shape[:2], 1), CELLS).matrix())
    grid = grid.reshape(*CELLS, *features[0].shape[:2])
    pure = [means(f, s.texture) for f, s in zip(features, scenes, strict=True)]
    local = [distance(pooled(f, P), p) for f, P, p in zip(features, pools, pure, strict=True)]
    fixed = [distance(pooled(f, grid), p) for f, p in zip(features, pure, strict=True)]
    found = float(np.mean([agreement(r, s.texture) for r, s in zip(regions, scenes, strict=True)]))
    order = rng.permutation(regions[0].size)
    turned = clusters(features[0].reshape(1, -1, 2)[:, order])
    claims: list[Claim] = [
        equal(
            "images whose regions are the same when found again",
            sum(map(np.array_equal, regions, again)),
            images,
            "seed",
        ),
        equal("different regions among the images", len({r.tobytes() for r in regions}), images, "one border each"),
        equal(
            "sum of each row of P, largest error", max(np.abs(P.sum((2, 3)) - 1).max() for P in pools), 0, "means", 1e-5
        ),
        equal(
            "regions at each location",
            np.unique(np.concatenate([(P > 0).sum((0, 1)) for P in pools])),
            [1],
            "a partition",
        ),
        at_least("share of locations in the region of their texture", found, 0.9, "planted textures"),
        at_most(
            "error of the pooled features, regions over cells",
            float(np.mean(local) / np.mean(fixed)),
            0.5,
            "the textures' own means",
        ),
        at_least(
            "locations grouped alike after they are shuffled",
            agreement(turned[0], regions[0].ravel()[order]),
            0.98,
            "features alone",
        ),
    ]
    rows = [(n, float(s.texture.mean()), a, b) for n, (s, a, b) in enumerate(zip(scenes, local, fixed, strict=True))][
        :8
    ]
    columns = ("image", "share of the second texture", "error: its own regions", "error: fixed cells")
    table = Table("Distance of the pooled features from those of the textures", columns, tuple(rows))
    return Result(claims, (table,), (_picture(scenes[:4], regions[:4], local[:4], fixed[:4]),))


def scene(rng: np.random.Generator) -> Scene:
    """Stripes of two orientations on the two sides of a slanted border, with noise."""
    rows, columns = np.indices((SIZE, SIZE))
    border = rng.uniform(0.2, 0.8) * SIZE + rng.uniform(-0.7, 0.7) * (rows - SIZE / 2)
    right = columns > border
    phases = rng.uniform(0, 2 * np.pi, 2)
    image = np.where(right, np.sin(2 * rows + phases[0]), np.sin(2 * columns + phases[1]))
    # A feature at (3, 3) and on reads a window of 6 pixels: its middle says which texture it is.
    middle = slice(3, SIZE - 2)
    return Scene((image + 0.1 * rng.normal(size=image.shape)).astype(np.float32), right[middle, middle].astype(int))


def energies(image: np.ndarray) -> np.ndarray:
    """The squared derivatives along both axes, averaged over 5 × 5 locations."""
    w = jnp.moveaxis(jnp.asarray(DERIVATIVES), 0, -1)[:, :, None, :]
    squared = minicnn.conv(jnp.asarray(image)[..., None], w) ** 2
    return np.asarray(minicnn.avg_pool(squared, (5, 5), stride=1))[: SIZE - 5, : SIZE - 5]


def clusters(features: np.ndarray) -> np.ndarray:
    """Which of two groups each location belongs to; the first has less energy along the columns."""
    flat = features.reshape(-1, features.shape[-1])
    found = KMeans(2, random_state=0).fit(flat)
    rank = np.argsort(np.argsort(found.cluster_centers_[:, 0]))
    return 1 - rank[found.labels_].reshape(features.shape[:2])


def pool_of(regions: np.ndarray) -> np.ndarray:
    """The matrix that averages each region, (1, 2, *locations)."""
    inside = np.stack([regions == n for n in range(2)]).astype(np.float32)
    return (inside / inside.sum((1, 2), keepdims=True))[None]


def pooled(features: np.ndarray, P: np.ndarray) -> np.ndarray:
    """The features of each region, (regions, features)."""
    return np.asarray(minicnn.matrix_pool(jnp.asarray(features), jnp.asarray(P))).reshape(-1, features.shape[-1])


def means(features: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """The mean features of each texture."""
    return np.stack([features[texture == n].mean(0) for n in range(2)])


def distance(found: np.ndarray, pure: np.ndarray) -> float:
    """The mean distance of the pooled features from the textures' own, in the better of the two orders."""
    return float(min(np.linalg.norm(found - p, axis=1).mean() for p in (pure, pure[::-1])))


def agreement(regions: np.ndarray, texture: np.ndarray) -> float:
    """The share of locations in the region of their texture, in the better of the two orders."""
    same = float((regions == texture).mean())
    return max(same, 1 - same)


def _picture(scenes: list[Scene], regions: list[np.ndarray], local: list[float], fixed: list[float]) -> Picture:
    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, len(scenes), squeeze=False)
        for n, (top, bottom) in enumerate(panels.T):
            top.imshow(scenes[n].image, cmap="gray")
            bottom.imshow(regions[n], cmap="cividis", vmin=0, vmax=1)
            bottom.axvline(regions[n].shape[1] / 2 - 0.5, color="#D55E00", linestyle="--")
            bottom.set_xlabel(f"error {local[n]:.2f}\ncells {fixed[n]:.2f}")
            for axes in (top, bottom):
                axes.set(xticks=[], yticks=[])
        panels[0, 0].set_ylabel("image")
        panels[1, 0].set_ylabel("regions")

    return Picture(
        "dynamic", "Images of two textures, the regions each chose, and the fixed border of two cells.", draw, 0.6
    )
