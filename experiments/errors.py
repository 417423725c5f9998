"""Which statements of the sources do not hold, and what shows it?

Lectures, notes and animations teach convolution to many people, and some of what they say is not so. Each error is
listed with what holds in its place and, where a number can show it, the claim of an experiment that does.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from experiments.frame import find, recorded


@dataclass(frozen=True)
class Error:
    """A statement that does not hold.

    Attributes:
        source: where it is found.
        says: the statement.
        holds: what is so.
        experiment: the one that shows it; none if no number can.
        claim: what that experiment claims, in its words.
    """

    source: str
    says: str
    holds: str
    experiment: str = ""
    claim: str = ""


LECTURE, NOTES, DECONVOLUTION = "a lecture on vision and networks", "notes on convolutional networks", "a note on Cᵀ"
FORMULAE, GUIDE, LENET = "a page of formulae", "the guide to arithmetic and its animations", "LeNet's paper of 1998"

ERRORS = (
    Error(
        LECTURE,
        "the animation “no padding, strides” has stride 1",
        "its 2×2 outputs of 5×5 pixels need stride 2",
        "images/transposed",
        "5×5, k = 3: outputs with stride 1, against those drawn",
    ),
    Error(LECTURE, "“Blackmore” raised kittens among stripes", "Blakemore and Cooper did, in 1970"),
    Error(
        LECTURE,
        "seeing and hearing were exchanged in both directions",
        "only the retina was led to the auditory cortex: Sur, Garraghty and Roe, 1988",
    ),
    Error(LECTURE, "two sections are the second, and two the fourth", "they are numbered anew"),
    Error(
        NOTES,
        "a two-dimensional convolution is a doubly block circulant matrix",
        "only a periodic one is; with zeros around it is doubly block Toeplitz",
        "images/circulant",
        "zeros, SAME: doubly block Toeplitz, circulant",
    ),
    Error(
        NOTES,
        "eigenvalues are those that the Fourier transform gives",
        "only periodic convolutions have these",
        "images/circulant",
        "zeros, SAME: the same distance",
    ),
    Error(
        NOTES,
        "there are (W − F + 2P)/S + 1 outputs, and other settings are wrong",
        "the floor of it; pixels at the end are not read",
        "images/strides",
        "10 pixels, k = 3, s = 2: (W − F + 2P)/S + 1, outputs, pixels that none reads",
    ),
    Error(
        NOTES,
        "the product of two transforms is the convolution",
        "a circular one, unless both are padded to N + M − 1 points",
        "signals/fft",
        "N points: the circular convolution",
    ),
    Error(
        NOTES,
        "a and b are sampled at len(a) and len(b) points",
        "both at the same points, at least N + M − 1 of them",
        "signals/interpolation",
        "fractions, len(a) points",
    ),
    Error(
        NOTES,
        "pooling with stride k leaves k times fewer inputs",
        "on each axis: in two dimensions k²",
        "pooling/downsampling",
        "inputs over outputs of a pool of 2 in 2-D",
    ),
    Error(
        NOTES,
        "convolution and correlation are adjoint, if they are continuous",
        "discrete ones are as well, exactly",
        "signals/discrete",
        "random pairs with ⟨C·x, y⟩ = ⟨x, Cᵀ·y⟩ exactly",
    ),
    Error(
        NOTES,
        "equations 9.8 to 9.10 as they stand",
        "they count from 1; counted from 0 they read beside the image",
        "images/strides",
        "equation 9.8 with indices from 0: results that differ",
    ),
    Error(DECONVOLUTION, "its last example ends within a line of code", "`compat.theano_conv2d` has all of it"),
    Error(
        DECONVOLUTION,
        "a transposed convolution with p = 0 has no padding",
        "the convolution that it transposes has none; Cᵀ has k − 1 zeros around y",
        "images/transposed",
        "p = 0: zeros around y with which it is Cᵀ·y",
    ),
    Error(
        DECONVOLUTION,
        "Theano's conv2d is what networks compute",
        "it flips its filters unless told otherwise",
        "signals/index_forms",
        "Theano's `conv2d` as it is called by default is 9.4, complete overlaps",
    ),
    Error(
        FORMULAE,
        "Y[i, j] = Σ X[i − i′, j − j′]·K[i′, j′] is K′·vec(X)",
        "the sum is a convolution, the matrix that of a correlation",
        "signals/index_forms",
        "K′·vec(I) against 9.5, which such notes write beside it",
    ),
    Error(
        FORMULAE,
        "K′ᵀ·vec(Y) is X",
        "it has the shape of X, and other values",
        "images/transposed",
        "Cᵀ·C·x against x",
    ),
    Error(
        GUIDE,
        "figure 4.7 transposes with a 2×2 input",
        "the input is 3×3",
        "images/transposed",
        "outputs of the 6×6 image of figure 4.7",
    ),
    Error(
        GUIDE,
        "old drawings of the odd case have the extra zeros above and on the left",
        "they are below and on the right",
        "images/transposed",
        "6×6, the zeros in front: largest difference",
    ),
    Error(
        GUIDE,
        "drawings of transposed convolutions show no flip",
        "the kernel is turned by 180°",
        "images/transposed",
        "the kernel is not turned: agreeing",
    ),
    Error(
        LENET,
        "−0.1 and 1.175 make the variance of images roughly 1",
        "0.123 on MNIST in 32×32; 0.41 is the most that two such levels allow",
        "lenet/input_scale",
        "MNIST in 32×32: variance",
    ),
    Error(
        LENET,
        "|f″| of the squashing function is largest at ±1",
        "at ±0.9877, which is ±1 to one digit",
        "lenet/squashing",
        "where |f″| is largest, to two digits",
    ),
)


def lines(records: Mapping[str, Any], link: Callable[[str], str] = str) -> Iterator[tuple[str, ...]]:
    """Each error as cells: where, what is said, what holds, the experiment that shows it, and what was found.

    Args:
        records: what runs of the experiments wrote, by name; None for one that has not run.
        link: writes the name of an experiment.
    """
    for error in ERRORS:
        if not error.claim:
            yield error.source, error.says, error.holds, "—", "no number"
            continue
        claims = (records.get(error.experiment) or {"claims": ()})["claims"]
        found = [claim["found"] for claim in claims if claim["what"] == error.claim]
        yield error.source, error.says, error.holds, link(error.experiment), *(found or ["not run"])


def table(folder: Path) -> Table:
    """Every error with what shows it, and what the last run found."""
    grid = Table("source", "says", "but", "shown by", "found")
    for line in lines({experiment.name: recorded(folder / experiment.name) for experiment in find()}):
        grid.add_row(*line)
    return grid
