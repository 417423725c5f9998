"""What do devices send each other when one image is cut among them?

A device is a tile. On eight simulated devices an image lies in strips of rows, or in blocks of rows and columns, and
each device makes its own outputs. The relation i = s·o + d·k − p says which inputs these read: h = d(k−1) + 1 − s rows
more than the block's own, whatever the block's size. So a device receives h rows as wide as its block, and h columns as
high as its block with its new rows: a perimeter, while its work grows as the area. The compiled programs are read for
what they exchange, and beside them those of `jax.lax.conv` as XLA's partitioner cuts it. Then the step of a LeNet on
one large image is compared with that of a single device.

That the gradients agree to 1e-5 is a bound of our own: sums of all pixels are taken in another order.

Sources: the relation of one axis; the compiled programs. XLA's partitioner: Xu et al. (2021), GSPMD: general and
scalable parallelization for ML computation graphs, section 4.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.exchange import GRIDS, LAYERS, ask
from experiments.frame import Claim, Picture, Result, Table, at_most, equal

ROWS = ()
SMALL = {"size": 32, "image": 32}
FULL = {"size": 1024, "image": 1024}

BYTES = 4  # of a number


def run(size: int = 256, image: int = 256) -> Result:
    """Count what is exchanged.

    Args:
        size: rows and columns of the maps that the layers read.
        image: rows and columns of LeNet's image.
    """
    found = ask(size, image)
    of = lambda name, grid, who, what: found["layers"][f"{name}, {grid}, {who}"][what].get("collective-permute", 0)
    cases = [(name, grid) for grid in GRIDS for name in LAYERS]
    rows = tuple(
        (f"{name}, {grid}", law(name, grid, size), *(of(name, grid, who, what) for what, who in _COLUMNS))
        for name, grid in cases
    )
    return Result(
        _claims(rows, found["lenet"]),
        (Table(f"Bytes that one of eight devices receives, maps of {size}×{size}", _HEAD, rows),),
        (Picture("exchange", _CAPTION, lambda figure: _draw(figure, rows)),),
    )


_COLUMNS = [("forward", "minicnn"), ("forward", "lax"), ("step", "minicnn"), ("step", "lax")]
_HEAD = ("layer and grid", "law, forward", "forward", "forward, lax", "step", "step, lax")
_CAPTION = (
    "What a device receives in one step, forward and backward. The hatched part is the halo of the forward pass, which "
    "the law gives; XLA's own partition of lax.conv fetches it twice."
)


def law(name: str, grid: str, size: int) -> int:
    """The bytes that a device receives in a forward pass: the perimeter of its block, h thick."""
    k, s, d, channels, _ = LAYERS[name]
    halo = d * (k - 1) + 1 - s
    high, wide = (size // parts for parts in GRIDS[grid])
    rows, columns = (halo if parts > 1 else 0 for parts in GRIDS[grid])
    return BYTES * channels * (rows * wide + columns * (high + rows))


def _claims(rows: tuple[tuple[Any, ...], ...], lenet: dict[str, Any]) -> list[Claim]:
    laws, forward, forward_lax, step, step_lax = (np.array(column) for column in list(zip(*rows, strict=True))[1:])
    return [
        equal("bytes forward, all layers and grids", forward, laws, "h = d(k−1) + 1 − s rows and columns"),
        at_most("bytes forward over those of lax", float((forward / forward_lax).max()), 1, "compiled programs"),
        at_most("bytes of a step over those of lax", float((step / step_lax).max()), 1, "compiled programs"),
        at_most("gradients of LeNet, eight devices against one", lenet["gap"], 1e-5, "a bound of our own"),
    ]


def _draw(figure: Figure, rows: tuple[tuple[Any, ...], ...]) -> None:
    names, laws, _, _, step, step_lax = zip(*rows, strict=True)
    axes = figure.subplots()
    at = np.arange(len(rows))[::-1]
    axes.barh(at + 0.2, np.array(step) / 1024, 0.38, color="#1a6fb0", label="minicnn")
    axes.barh(at - 0.2, np.array(step_lax) / 1024, 0.38, color="#d98c2b", label="lax.conv")
    axes.barh(at + 0.2, np.array(laws) / 1024, 0.38, fill=False, hatch="///", lw=0, label="forward, by the law")
    axes.set_yticks(at, names)
    axes.set_xlabel("KiB received by a device in a step")
    axes.legend(frameon=False)
