"""What do the rows of C sum to when it finds edges, and when it sharpens?

An edge detector answers nothing to a flat image, so that its rows sum to 0; sharpening leaves a flat image as it is, so
that they sum to 1. Both are counted without rounding, and where zeros are padded the border rows are shown to break
them. The vertical detector k and the horizontal one kᵀ exchange their answers when the image is transposed. Sharpening
adds to an image α times what a blur takes away, and overshoots at a step by a known amount. All of it is done to a
photograph and held against SciPy.

Sources: notes on convolutional networks after *Deep Learning* (vertical edges k, horizontal edges kᵀ, sharpening);
Prewitt, *Object enhancement and extraction* (1970), for the kernel.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage

import minicnn
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from experiments.photographs import grey_photograph

ROWS = (21, 22)
SMALL = {"side": 48}
FULL = {"side": 400}

VERTICAL = np.array([[1, 0, -1]] * 3)
HORIZONTAL = VERTICAL.T
DELTA = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
BLUR = np.ones((3, 3), int)  # ninths
PADDINGS: dict[str, dict[str, Any]] = {
    "VALID": {},
    "SAME, zeros": {"padding": "SAME"},
    "periodic": {"padding": "SAME", "padding_mode": "circular"},
    "replicated": {"padding": "SAME", "padding_mode": "replicate"},
}


def sharpening(alpha: int) -> np.ndarray:
    """δ + α(δ − blur), in ninths, so that all taps are integers."""
    return 9 * DELTA + alpha * (9 * DELTA - BLUR)


KERNELS = {
    "vertical edges": VERTICAL,
    "horizontal edges": HORIZONTAL,
    "sharpening, ninths": sharpening(1),
    "blur, ninths": BLUR,
}
SUMS = {"vertical edges": 0, "horizontal edges": 0, "sharpening, ninths": 9, "blur, ninths": 9}


def run(side: int = 256, alpha: int = 2) -> Result:
    """Sum rows, transpose and sharpen.

    Args:
        side: rows and columns of the photograph.
        alpha: how much the picture is sharpened.
    """
    x = grey_photograph(side, side).astype(int)
    flat = np.full((9, 8, 1), 7)
    step = np.repeat([0, 9], 5) * np.ones((7, 1), int)
    ramp = np.arange(10) * 3 + 5 * np.arange(7)[:, None]
    sums = {
        (name, padding): row_sums(w, options) for name, w in KERNELS.items() for padding, options in PADDINGS.items()
    }
    answers = {"vertical": convolved(x, VERTICAL), "horizontal": convolved(x, HORIZONTAL)}
    sharp = convolved(x, sharpening(alpha))
    claims: list[Claim] = [
        *(
            equal(f"{name}, {padding}: least and largest row sum", found, (SUMS[name],) * 2, "the sum of the taps")
            for (name, padding), found in sums.items()
            if padding != "SAME, zeros"
        ),
        *(
            differs(
                f"{name}, SAME, zeros: least and largest row sum",
                found,
                (SUMS[name],) * 2,
                "taps are lost at the border",
            )
            for (name, padding), found in sums.items()
            if padding == "SAME, zeros"
        ),
        equal(
            "edges of a flat image: least and largest", _extremes(convolved(flat, VERTICAL)), (0, 0), "rows sum to 0"
        ),
        equal(
            "a flat image of 7, sharpened, in ninths",
            _extremes(convolved(flat, sharpening(alpha))),
            (63, 63),
            "rows sum to 1",
        ),
        equal(
            "transposed photograph: vertical edges less transposed horizontal ones, largest",
            np.abs(convolved(x.transpose(1, 0, 2), VERTICAL) - answers["horizontal"].T).max(),
            0,
            "k and kᵀ exchange",
        ),
        equal(
            "a ramp sharpened, less the ramp, largest",
            np.abs(convolved(ramp[..., None], sharpening(alpha)) - 9 * ramp[1:-1, 1:-1]).max(),
            0,
            "a blur keeps what is linear",
        ),
        equal(
            "a step from 0 to 9 sharpened: its values across the step",
            convolved(step[..., None], sharpening(1))[0] / 9,
            [0, 0, 0, -3, 12, 9, 9, 9],
            "α/3 of the step below and above",
        ),
        *(
            equal(
                f"{name} of the photograph, largest difference",
                np.abs(found - correlated(x, w)).max(),
                0,
                "scipy.ndimage.correlate",
            )
            for name, found, w in (
                ("vertical edges", answers["vertical"], VERTICAL),
                ("horizontal edges", answers["horizontal"], HORIZONTAL),
                ("sharpening", sharp, sharpening(alpha)),
            )
        ),
    ]
    table = Table(
        "Sums of the rows of C on 6×6 pixels",
        ("kernel", "padding", "least", "largest"),
        tuple((name, padding, *found) for (name, padding), found in sums.items()),
    )
    return Result(
        claims, (table,), (_photographs(x[1:-1, 1:-1, 0], convolved(x, BLUR) / 9, answers, sharp / 9), _step(step))
    )


def convolved(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The valid convolution of an image of one channel."""
    return np.asarray(minicnn.conv(jnp.asarray(x), jnp.asarray(w)[..., None, None]))[..., 0]


def correlated(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The same by SciPy, without the border that it makes up."""
    return ndimage.correlate(x[..., 0], w)[1:-1, 1:-1]


def row_sums(w: np.ndarray, options: dict[str, Any]) -> tuple[int, int]:
    """The least and the largest sum of a row of C, C·1."""
    C = minicnn.conv_map(jnp.asarray(w)[..., None, None], (6, 6), **options).to_scipy()
    return _extremes(C.sum(1))


def _extremes(found: np.ndarray) -> tuple[int, int]:
    return int(found.min()), int(found.max())


def _photographs(x: np.ndarray, blurred: np.ndarray, answers: dict[str, np.ndarray], sharp: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        top, bottom = figure.subplots(2, 3)
        strength = np.hypot(answers["vertical"], answers["horizontal"])
        # The strongest percent of the edges is cut off, so that the others can be seen.
        limit = np.quantile(strength, 0.99)
        shown = {
            "photograph": (x, 0, 255),
            "vertical edges": (answers["vertical"], -limit, limit),
            "horizontal edges": (answers["horizontal"], -limit, limit),
            "blurred": (blurred, 0, 255),
            "sharpened": (sharp, 0, 255),
            "strength of edges": (-strength, -limit, 0),
        }
        for axes, (name, (picture, low, high)) in zip((*top, *bottom), shown.items(), strict=True):
            axes.imshow(picture, cmap="gray", vmin=low, vmax=high)
            axes.set(title=name, xticks=(), yticks=())

    return Picture(
        "photographs", "Edges of a photograph in both directions, and the same photograph sharpened.", draw, 0.74
    )


def _step(step: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(1, step.shape[1] - 1)
        axes.step(places, step[0, 1:-1], "k-", where="mid", label="step")
        axes.step(places, convolved(step[..., None], BLUR)[0] / 9, "--", color="C1", where="mid", label="blurred")
        axes.step(
            places,
            convolved(step[..., None], sharpening(1))[0] / 9,
            "-.",
            color="C0",
            where="mid",
            label="sharpened, α = 1",
        )
        axes.set(xlabel="column", ylabel="brightness")
        axes.legend(frameon=False)

    return Picture("step", "Sharpening overshoots by a third of the step on either side.", draw, 0.4)
