"""Is a convolution a dense layer with an infinitely strong prior?

The matrices C(w) of all kernels are a subspace of the weights of a dense layer. The nearest of them to W is ΠW: the
mean of all entries of W that share a tap, in the place of each of them. Π is a projection, shown in integers for eight
kinds of convolution; its rank is the number of taps. For a kernel as large as a periodic image it is the mean over all
shifts, W ↦ mean of SᵀWS. A dense layer is then trained under the penalty ½·λ·‖W − ΠW‖², a Gaussian prior around the
convolutions with the variance 1/λ. Weak at first, it takes over as λ grows: what is learned goes to the convolution
that fits best, and the distance falls as 1/λ. That helps where a convolution made the data, and is paid for in
underfitting where every position has weights of its own.

That a right prior halves the error on new data is a bound of our own.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.4 ("convolution and pooling as an infinitely strong
prior"), for priors that are weak, strong and infinitely strong; Davis, *Circulant Matrices* (1979), for the mean over
shifts; Nocedal & Wright, *Numerical Optimization* (2006), section 17.1, for quadratic penalties, whose violation falls
as 1/λ.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.soft_priors import STRENGTHS, Data, Trial, by_strength, curves, limit_claims, strength_name, trial
from experiments.subspaces import projection, projection_claims, uses, weights_of_taps, whole_projection
from minicnn.maps import LinearMap

ROWS = (58,)
SMALL = {"seeds": 2, "steps": 400}
FULL = {"seeds": 20, "steps": 4_000}

PERIODIC: dict[str, Any] = {"padding": "SAME", "padding_mode": "circular"}
# Shapes of the input and of the kernel, and the taps that ever meet an input.
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], int]] = {
    "valid": ((8, 1), (3, 1, 1), {}, 3),
    "padded with zeros, 2-D": ((5, 4, 1), (3, 3, 1, 1), {"padding": "SAME"}, 9),
    "periodic, 2-D": ((4, 4, 1), (3, 3, 1, 1), PERIODIC, 9),
    "stride 2": ((9, 1), (3, 1, 1), {"stride": 2, "padding": 1}, 3),
    "dilation 2": ((9, 1), (3, 1, 1), {"dilation": 2}, 3),
    "2 channels to 3": ((6, 2), (3, 2, 3), {}, 18),
    "2 groups of channels": ((6, 4), (3, 2, 4), {"groups": 2}, 24),
    "wider than the image": ((2, 1), (7, 1, 1), {"padding": "SAME"}, 3),
}

INPUTS, TAPS = 10, 3
EXAMPLES = 4 * INPUTS
NOISE = 1.0
DATA = ("made by a convolution", "made by local weights")


def run(seeds: int = 5, steps: int = 1_000, seed: int = 0) -> Result:
    """Project, then train under the prior.

    Args:
        seeds: data sets that are drawn.
        steps: of training, for each strength of the prior.
        seed: of the first data set.
    """
    maps = {name: weights_of_taps(in_shape, w_shape, **how) for name, (in_shape, w_shape, how, _) in CASES.items()}
    claims = projection_claims(maps, [rank for *_, rank in CASES.values()], seed)
    claims += [_diagonals(seed), _mean_over_shifts()]
    with jax.enable_x64(True):
        right, wrong = ([_trial(local, seed + n, steps) for n in range(seeds)] for local in (False, True))
    claims += limit_claims(right + wrong, "least squares without and with a penalty, and over taps alone")
    claims += _errors(right, wrong)
    kinds = [(name, prod(B.out_shape), prod(B.in_shape), _rank(B), int(uses(B).max())) for name, B in maps.items()]
    tables = (
        Table(
            "The subspace of convolutions", ("kind", "weights", "taps", "rank of Π", "most uses of a tap"), tuple(kinds)
        ),
        by_strength(right, wrong, "the convolution", ("error, data of a convolution", "error, data of local weights")),
    )
    pictures = (_matrices(right[0].weights), curves(right, wrong, "the convolution", DATA))
    return Result(claims, tables, pictures)


def _rank(B: LinearMap) -> int:
    return int((uses(B) > 0).sum())


def _diagonals(seed: int) -> Claim:
    """Π of a matrix, beside the means of its diagonals."""
    outputs = INPUTS - TAPS + 1
    W = np.random.default_rng(seed).integers(-9, 10, (outputs, INPUTS))
    P, multiple = whole_projection(weights_of_taps((INPUTS, 1), (TAPS, 1, 1)))
    sums = [np.trace(W, k) for k in range(TAPS)]
    C = minicnn.conv_matrix(jnp.asarray(sums).reshape(TAPS, 1, 1), (INPUTS,))
    found = (P @ W.T.ravel()).reshape(INPUTS, outputs).T * outputs - multiple * np.asarray(C)
    return equal("ΠW − the means of the diagonals of W, largest", np.abs(found).max(), 0, "np.trace, in integers")


def _mean_over_shifts(n: int = 6) -> Claim:
    """Π for a kernel as large as a periodic signal, beside the mean of all SᵀWS."""
    P, multiple = whole_projection(weights_of_taps((n, 1), (n, 1, 1), padding=((0, n - 1),), padding_mode="circular"))
    shifts = [np.roll(np.eye(n, dtype=int), t, 0) for t in range(n)]
    found = n * P - multiple * sum(np.kron(S, S) for S in shifts)
    return equal("n·Π − Σ S ⊗ S over all shifts S, largest", np.abs(found).max(), 0, "mean over a group, in integers")


def _trial(local: bool, seed: int, steps: int) -> Trial:
    """Draw data of a convolution or of local weights, and train under the prior."""
    rng = np.random.default_rng(seed)
    shape, outputs = (TAPS, 1, 1), INPUTS - TAPS + 1
    w = rng.normal(size=(outputs, *shape) if local else shape)
    A = (minicnn.local_map if local else minicnn.conv_map)(jnp.asarray(w), (INPUTS,))
    planted = np.asarray(A.matrix()).T
    x, x_new = rng.normal(size=(2, EXAMPLES, INPUTS))
    y = x @ planted + NOISE * rng.normal(size=(EXAMPLES, outputs))
    patches = np.asarray(minicnn.patch_map(x[..., None], shape).matrix())
    taps = np.linalg.lstsq(patches, y.ravel(), rcond=None)[0].reshape(shape)
    best = np.asarray(minicnn.conv_matrix(taps, (INPUTS,))).T
    Pi = projection(weights_of_taps((INPUTS, 1), shape, x.dtype))
    return trial(Data(x, y, x_new, x_new @ planted), Pi, best, steps)


def _errors(right: Sequence[Trial], wrong: Sequence[Trial]) -> list[Claim]:
    worst, least = max(t.change for t in right), min(t.change for t in wrong)
    return [
        at_most(f"data {DATA[0]}: error of λ = ∞ over that of λ = 0, largest", worst, 0.5, "fewer weights to learn"),
        at_least(f"data {DATA[1]}: the same, smallest", least, 1, "a wrong prior underfits, Deep Learning, 9.4"),
    ]


def _matrices(weights: np.ndarray) -> Picture:
    chosen = [0, 2, 3, 4, len(STRENGTHS) - 1]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(chosen))
        most = np.abs(weights).max()
        images = [
            axes.imshow(weights[n].T, cmap="PuOr", vmin=-most, vmax=most)
            for axes, n in zip(panels, chosen, strict=True)
        ]
        for axes, n in zip(panels, chosen, strict=True):
            axes.set(xticks=[], yticks=[], title=f"λ = {strength_name(STRENGTHS[n])}")
        figure.colorbar(
            images[0], ax=panels, orientation="horizontal", shrink=0.4, label="weight", ticks=[-0.5, 0, 0.5]
        )

    return Picture(
        "weights", "The weights of a dense layer under priors of growing strength, until they are a C.", draw, 0.34
    )
