"""What must be assumed beyond the edge of a photograph to deblur it?

A photograph is the middle of a larger scene, and its blur reads the scene beyond the edge: y = C_valid·x for all the
pixels x that were read, of which more are unknown than y has. Five models of what is out there are inverted by damped
least squares, `minicnn.linalg.lstsq`, each exactly, by the method that is right for its matrix: the scene beyond the
edge known; nothing but unknowns (VALID: the shortest scene that explains the photograph); zeros; the photograph again
(circular, the model of every deblurring by FFT); its mirror image (symmetric, for which the DCT is exact). A small
residual is no proof of a right model: with zeros the residual is a hundredth of the photograph and the error is as
large as the scene, because the edge that the model sees and the scene has not rings into the picture.

By how much an error must be less, or larger near the edge, and which residual counts as small, are bounds of our own
for this scene.

Sources: P. C. Hansen, J. G. Nagy & D. P. O'Leary, *Deblurring Images* (2006), chapters 3 and 4; M. K. Ng, R. H. Chan &
W.-C. Tang, "A fast algorithm for deblurring models with Neumann boundary conditions" (1999).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.photographs import grey_photograph
from minicnn import linalg
from minicnn.maps import LinearMap

ROWS = ()
SMALL = {"side": 48, "damps": 3}
FULL = {"side": 320, "damps": 25}

RADIUS, SIGMA = 6, 2.0  # of the Gaussian kernel, in pixels
FRAME = 16  # pixels from the edge that count as near it: some periods of the ringing
NOISE = 1e-3  # standard deviation, where white is 1: a quarter of a step of 8 bits
RANGE = 3e-4, 3e-1  # of the damping

MODELS = ("known", "unknown (valid)", "zeros", "circular", "symmetric")
HOPEFUL = ("known", "unknown (valid)", "symmetric")


METHODS = {"circular": "fourier", "symmetric": "dct"}  # of the others: what is taken by itself


class Restored(NamedTuple):
    """What one model makes of the photograph at each damping."""

    pictures: np.ndarray
    method: str
    damps: np.ndarray
    residuals: np.ndarray
    errors: np.ndarray

    @property
    def best(self) -> int:
        """Which damping has the least error."""
        return int(self.errors.argmin())


def run(side: int = 160, damps: int = 13, seed: int = 0) -> Result:
    """Deblur a photograph with five models of what is beyond its edge.

    Args:
        side: pixels of the photograph.
        damps: values of the damping that are tried.
        seed: of the noise.
    """
    with jax.enable_x64(True):
        scene = np.asarray(grey_photograph(side + 2 * RADIUS, side + 2 * RADIUS), float) / 255
        truth = scene[RADIUS:-RADIUS, RADIUS:-RADIUS]
        blur = blurring("VALID", side + 2 * RADIUS)
        clean = np.asarray(blur(jnp.asarray(scene)))
        y = clean + NOISE * np.random.default_rng(seed).standard_normal(clean.shape)
        tried = np.geomspace(*RANGE, damps)
        found = {name: restored(name, y, scene, tried) for name in MODELS}
    return Result(
        _claims(found, truth),
        (_table(found, truth),),
        (_images(truth, y, found), _rings(truth, found), _curves(found)),
    )


def blurring(padding: Any, side: int, mode: str = "zeros") -> LinearMap:
    """The matrix of the blur with a border."""
    taps = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * SIGMA**2))
    w = np.outer(taps, taps) / taps.sum() ** 2
    return minicnn.conv_map(jnp.asarray(w[..., None, None]), (side, side), padding=padding, padding_mode=mode)


def restored(model: str, y: np.ndarray, scene: np.ndarray, damps: np.ndarray) -> Restored:
    """Invert one model with each damping."""
    side = len(y)
    truth = scene[RADIUS:-RADIUS, RADIUS:-RADIUS]
    if model == "unknown (valid)":
        A, target = blurring("VALID", side + 2 * RADIUS), y
    elif model == "known":
        beyond = scene.copy()
        beyond[RADIUS:-RADIUS, RADIUS:-RADIUS] = 0
        A, target = blurring("SAME", side), y - np.asarray(blurring("VALID", side + 2 * RADIUS)(jnp.asarray(beyond)))
    else:
        A, target = blurring("SAME", side, model), y
    residuals, errors, pictures, method = [], [], [], METHODS.get(model, "auto")
    for damp in damps:
        solution = linalg.lstsq(A, jnp.asarray(target), damp=float(damp), method=method)
        x, method = np.asarray(solution.x), solution.method
        x = x[RADIUS:-RADIUS, RADIUS:-RADIUS] if model == "unknown (valid)" else x
        pictures.append(x[..., 0])
        residuals.append(float(solution.residual) / np.linalg.norm(y))
        errors.append(float(np.linalg.norm(x - truth) / np.linalg.norm(truth)))
    return Restored(np.stack(pictures), method, damps, np.array(residuals), np.array(errors))


def near_edge(error: np.ndarray) -> tuple[float, float]:
    """The root mean square of an error near the edge, and away from it."""
    inside = np.zeros(error.shape, bool)
    inside[FRAME:-FRAME, FRAME:-FRAME] = True
    return float(np.sqrt((error[~inside] ** 2).mean())), float(np.sqrt((error[inside] ** 2).mean()))


def _claims(found: dict[str, Restored], truth: np.ndarray) -> list[Claim]:
    least = {name: each.errors.min() for name, each in found.items()}
    here = found["known"].best
    worse = min(least["zeros"], least["circular"])
    others = min(error for name, error in least.items() if name != "known")
    ringing = {name: near_edge(each.pictures[here] - truth[..., 0]) for name, each in found.items()}
    methods, expected = [found[name].method for name in MODELS], ["kron", "kron", "kron", "fourier", "dct"]
    claims = [equal("methods: none iterates", methods, expected, "each is exact for its matrix")]
    claims += [
        at_most(f"{name}: least error, over that of zeros or circular", least[name] / worse, 0.9, "nothing rings")
        for name in HOPEFUL
    ]
    claims.append(at_most("known edge: least error, over the least of the others", least["known"] / others, 1, "truth"))
    for name in ("zeros", "circular"):
        wrong = found[name]
        claims += [
            at_most(f"{name}: residual with the known edge's damping", wrong.residuals[here], 0.05, "y is explained"),
            at_least(
                f"{name}: error there, over that of the known edge",
                wrong.errors[here] / found["known"].errors[here],
                3,
                "x is not found",
            ),
            at_least(
                f"{name}: that error near the edge, over that away from it",
                ringing[name][0] / ringing[name][1],
                1.5,
                "it rings from the edge",
            ),
        ]
    return claims


def _table(found: dict[str, Restored], truth: np.ndarray) -> Table:
    here = found["known"].best
    rows = []
    for name, each in found.items():
        edge, inside = near_edge(each.pictures[here] - truth[..., 0])
        best = each.damps[each.best], each.residuals[each.best], each.errors[each.best]
        rows.append((name, each.method, *best, each.residuals[here], each.errors[here], edge, inside))
    columns = ("beyond the edge", "method", "best damping", "residual", "error")
    columns += (f"residual at {found['known'].damps[here]:.2g}", "error there", "near the edge", "inside")
    return Table("Residual relative to the photograph, error to the scene", columns, tuple(rows))


def _images(truth: np.ndarray, y: np.ndarray, found: dict[str, Restored]) -> Picture:
    here = found["known"].best
    panels = {"scene": truth[..., 0], "photograph": y[..., 0]}
    panels |= {name: found[name].pictures[here] for name in MODELS[1:]}

    def draw(figure: Figure) -> None:
        for axes, (name, image) in zip(figure.subplots(2, 3).flat, panels.items(), strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=1)
            axes.set(title=name, xticks=(), yticks=())

    caption = "The scene, its blurred photograph, and what four models of what is beyond the edge make of it."
    return Picture("images", caption, draw, 0.72)


def _rings(truth: np.ndarray, found: dict[str, Restored]) -> Picture:
    here = found["known"].best
    errors = {name: found[name].pictures[here] - truth[..., 0] for name in MODELS}

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(MODELS))
        images = [
            axes.imshow(error, cmap="cividis", vmin=-0.3, vmax=0.3)
            for axes, error in zip(panels, errors.values(), strict=True)
        ]
        for axes, name in zip(panels, errors, strict=True):
            axes.set(title=name.replace(" (", "\n("), xticks=(), yticks=())
        figure.colorbar(images[0], ax=panels, location="bottom", shrink=0.5, label="restored less scene")

    return Picture("rings", "Errors at one damping: edges that the scene has not ring into the picture.", draw, 0.36)


def _curves(found: dict[str, Restored]) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for (name, each), style in zip(found.items(), ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))), strict=True):
            left.loglog(each.damps, each.residuals, linestyle=style, label=name)
            right.loglog(each.damps, each.errors, linestyle=style)
        left.set(xlabel="damping", title="residual, of the photograph")
        right.set(xlabel="damping", title="error, of the scene")
        left.legend(frameon=False, fontsize="small")

    return Picture("curves", "Residual and error of each model against the damping.", draw, 0.45)
