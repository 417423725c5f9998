"""What does a decoder need to undo a max pool?

A max pool is y = S(x)·x, and keeps no trace of where its maxima were. With these places, the switches, values return by
Sᵀ: S·Sᵀ = I where windows do not overlap, and Sᵀ·S keeps the maxima and forgets the rest. For values that are not
negative no other single place in each window is better: the error is ‖x‖² + Σ(y² − 2·y·x at that place). Without
switches a decoder has a fixed place, or repeats the value in the whole window. Repeating wins on a smooth photograph,
where neighbours are alike, and the switches win on the sparse responses of detectors, through two levels of pooling.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.3, on pooling in top-down models; Zeiler & Fergus
(2014), Visualizing and understanding convolutional networks, for switches; the orthogonal projection Sᵀ·S.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal

ROWS = (57,)
SMALL = {"size": 64}
FULL = {"size": 384}

K = 2
LAPLACE = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], np.float32)
LEVELS = (1, 2)
SPARSE = 0.9  # quantile of the detectors' responses below which they are silent


def run(size: int = 160) -> Result:
    """Pool a photograph and the responses of detectors to it, and undo it.

    Args:
        size: rows and columns of the photograph, a multiple of 4.
    """
    photograph = gray(size)
    sparse = detected(photograph)
    inputs = {"photograph": photograph, "detectors": sparse}
    errors = {
        (name, way, level): relative_error(undone(x, way, level), x)
        for name, x in inputs.items()
        for way in ("switches", "fixed place", "repeated")
        for level in LEVELS
    }
    claims: list[Claim] = [
        *_exact(photograph),
        *(
            at_most(
                f"{name}, levels {level}: error with switches, over that with a fixed place",
                errors[name, "switches", level] / errors[name, "fixed place", level],
                1,
                "the place of the maximum is the best one",
            )
            for name in inputs
            for level in LEVELS
        ),
        *(
            at_most(
                f"detectors, levels {level}: error with switches, over that of repeating",
                errors["detectors", "switches", level] / errors["detectors", "repeated", level],
                0.8,
                "sparse: one value a window",
            )
            for level in LEVELS
        ),
        at_least(
            "photograph: error with switches, over that of repeating",
            errors["photograph", "switches", 1] / errors["photograph", "repeated", 1],
            1,
            "neighbours are alike",
        ),
    ]
    ways = ("switches", "fixed place", "repeated")
    rows = [(name, level, *(errors[name, way, level] for way in ways)) for name in inputs for level in LEVELS]
    table = Table("‖x̂ − x‖/‖x‖", ("input", "levels", *ways), tuple(rows))
    return Result(claims, (table,), (_picture(sparse),))


def gray(size: int) -> np.ndarray:
    """The middle of a photograph of a flower, as integers from 0 to 255."""
    image = load_sample_image("flower.jpg").astype(np.float32).mean(-1).round()
    top, left = ((n - size) // 2 for n in image.shape)
    return image[top : top + size, left : left + size]


def detected(image: np.ndarray) -> np.ndarray:
    """The responses of a detector of spots and edges, silent below a threshold."""
    w = jnp.asarray(LAPLACE)[..., None, None]
    y = minicnn.conv(jnp.asarray(image)[..., None], w, padding="SAME", padding_mode="replicate")[..., 0]
    return np.asarray(jnp.maximum(y - jnp.quantile(y, SPARSE), 0))


def pooled(x: Any) -> tuple[Any, Any]:
    """The maxima, and their switches."""
    return minicnn.max_pool(x, (K, K), return_indices=True)


def undone(x: np.ndarray, way: str, levels: int) -> np.ndarray:
    """Pool so many times, and go back in one of three ways."""
    y, records = jnp.asarray(x)[..., None], []
    for _ in range(levels):
        size = y.shape[:2]
        y, switches = pooled(y)
        records.append((size, switches))
    for size, switches in reversed(records):
        y = _unpooled(y, way, size, switches)
    return np.asarray(y)[..., 0]


def _unpooled(y: Any, way: str, size: tuple[int, ...], switches: Any) -> Any:
    if way == "switches":
        return minicnn.max_unpool(y, switches, size)
    if way == "repeated":
        return K**2 * minicnn.avg_pool_map((*size, y.shape[-1]), (K, K)).T(y)
    return minicnn.max_unpool(y, places(size, 0)[..., None], size)


def places(size: tuple[int, ...], place: int) -> Any:
    """Switches that name the same place in every window."""
    flat = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    return jnp.asarray(flat[place // K :: K, place % K :: K])


def relative_error(found: np.ndarray, x: np.ndarray) -> float:
    """The norm of the difference over that of x."""
    return float(np.linalg.norm(found - x) / np.linalg.norm(x))


def _exact(photograph: np.ndarray) -> list[Claim]:
    x = jnp.asarray(photograph)[:12, :12, None]
    S = minicnn.max_pool_map_at(x, (K, K))
    matrix = np.asarray(S.matrix())
    y, switches = pooled(x)
    gram, projection = matrix @ matrix.T, matrix.T @ matrix
    windows = np.asarray(x).reshape(6, K, 6, K).transpose(0, 2, 1, 3).reshape(-1, K**2)
    others = [_squared_error(minicnn.max_unpool(y, places((12, 12), p)[..., None], (12, 12)), x) for p in range(K**2)]
    lost = (windows**2).sum() - (windows.max(1) ** 2).sum()
    predicted = [
        float((windows**2).sum() + (windows.max(1) * (windows.max(1) - 2 * windows[:, p])).sum()) for p in range(K**2)
    ]
    back = minicnn.max_unpool(y, switches, (12, 12))
    return [
        equal("S·Sᵀ − I, largest entry", np.abs(gram - np.eye(len(gram))).max(), 0, "windows do not overlap"),
        equal("(SᵀS)² − SᵀS, largest entry", np.abs(projection @ projection - projection).max(), 0, "a projection"),
        equal("unpooling is Sᵀ: largest difference", np.abs(back - S.T(y)).max(), 0, "the transpose of the selection"),
        equal("pooled again after unpooling: largest difference", np.abs(pooled(back)[0] - y).max(), 0, "S·Sᵀ·y = y"),
        equal("squared error with switches", _squared_error(back, x), lost, "‖x‖² − ‖y‖²"),
        equal("squared errors with each fixed place", others, predicted, "‖x‖² + Σ(y² − 2·y·x)"),
        at_least("the least of them, over that with switches", min(others) / lost, 1, "x ≤ y in each window"),
    ]


def _squared_error(found: Any, x: Any) -> float:
    return float(((np.asarray(found, np.float64) - np.asarray(x, np.float64)) ** 2).sum())


def _picture(sparse: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        size = min(64, len(sparse))
        corner = (len(sparse) - size) // 2
        window = slice(corner, corner + size)
        shown = {"detectors": sparse} | {way: undone(sparse, way, 2) for way in ("switches", "fixed place", "repeated")}
        for axes, (name, image) in zip(figure.subplots(1, 4), shown.items(), strict=True):
            axes.imshow(image[window, window], cmap="gray_r", vmax=np.quantile(sparse, 0.995))
            axes.set(xticks=[], yticks=[], title=name)
            axes.set_xlabel("" if name == "detectors" else f"error {relative_error(image, sparse):.2f}")

    return Picture(
        "switches", "Responses of detectors, and three ways back from two levels of max pooling.", draw, 0.33
    )
