"""A linear program as a graph, beside its transpose."""

import math
import operator
from typing import TYPE_CHECKING

from minicnn.autodiff.program import Program
from minicnn.draw.arguments import described, two_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Spot = tuple[float, float]
_HALF = 0.23  # steps down from a node's middle to its frame: two lines of 9 points where a step is 0.95 inches
_WIDE, _HIGH = 0.45, 0.15  # steps across and down that a label of 8 points and up to a dozen letters takes
_MOST = 500  # nodes: with more of them not even the largest figure has a point for each


def program(P: Program, axes: "tuple[Axes, Axes] | None" = None) -> "tuple[Axes, Axes]":
    """Draw a program from top to bottom, and beside it its transpose: the same places, every arrow reversed.

    Boxes are inputs and outputs; below each name stands its shape.

    Args:
        P: the program.
        axes: where to draw; a new figure if None.

    Raises:
        TypeError: for what is not a program or not two axes.
        ValueError: for a program without nodes, or with more than can be told apart.

    >>> from minicnn import autodiff
    >>> P = autodiff.make_program(lambda x: minicnn.ops.tanh(x), jnp.ones(3))
    >>> [ax.get_title() for ax in program(P)]
    ['P', 'Pᵀ']
    """
    if not isinstance(P, Program):
        raise TypeError(
            f"`P` must be a program, such as minicnn.autodiff.make_program(f, *args) gives, not {described(P)}"
        )
    if not P.nodes:
        raise ValueError("the program has no inputs and no outputs: there is nothing to draw")
    if len(P.nodes) > _MOST:
        raise ValueError(f"the program has {len(P.nodes):,} nodes: at most {_MOST} are drawn, so print it instead")
    spots = places(P)
    wide, deep = (max(spot[k] for spot in spots) + 1 for k in (0, 1))
    axes = two_axes(axes, (min(max(3.4, 1.9 * wide) * 2, 18), min(max(2.5, 0.95 * deep), 20)))
    _graph(axes[0], P, spots, "P" if not P.transposed else "Pᵀ")
    _graph(axes[1], P.T, spots[::-1], "Pᵀ" if not P.transposed else "P")
    for ax in axes:
        ax.set(xlim=(-0.7, wide - 0.3), ylim=(deep - 0.5, -0.5))
        ax.set_axis_off()
    return axes


def places(P: Program) -> list[Spot]:
    """Say where each node goes: (across, down). No arrow of P points up, and no two nodes share a place."""
    into, out = ([[] for _ in P.nodes] for _ in range(2))
    for arrow in P.arrows:
        into[arrow.target].append(arrow.source)
        out[arrow.source].append(arrow.target)
    down = [0] * len(P.nodes)
    for n in range(len(P.nodes)):
        down[n] = max((down[m] + 1 for m in into[n]), default=0)
    for n in range(len(P.nodes)):
        if not into[n] and out[n]:  # an input stands above the first node that needs it
            down[n] = min(down[m] for m in out[n]) - 1
    across: dict[int, float] = {}
    for level in sorted(set(down)):
        members = [n for n in range(len(P.nodes)) if down[n] == level]
        wished = {n: sum(across[m] for m in into[n]) / len(into[n]) if into[n] else float(n) for n in members}
        members.sort(key=lambda n: (bool(not into[n]), wished[n]))
        across |= {n: float(position) for position, n in enumerate(members)}
    return [(across[n], float(down[n])) for n in range(len(P.nodes))]


def _graph(axes: "Axes", P: Program, spots: list[Spot], title: str) -> None:
    from matplotlib import rcParams

    ink, paper = rcParams["text.color"], rcParams["figure.facecolor"]
    ends = {*P.inputs, *P.outputs}
    for n, (node, name, spot) in enumerate(zip(P.nodes, P.names, spots, strict=True)):
        frame = "square" if n in ends else "round"
        box = {
            "boxstyle": f"{frame},pad=0.35",
            "facecolor": paper,
            "edgecolor": ink,
            "linewidth": 1.8 if n in ends else 0.8,
        }
        shape = "×".join(map(str, node.shape)) or "scalar"
        axes.text(*spot, f"{name}\n{shape}", ha="center", va="center", fontsize=9, linespacing=1.3, bbox=box, zorder=3)
    labelled: list[Spot] = []
    # the labels of short arrows first, which have least room to give way
    for arrow in sorted(P.arrows, key=lambda arrow: abs(spots[arrow.source][0] - spots[arrow.target][0])):
        start, stop = spots[arrow.source], spots[arrow.target]
        bend = 0.0 if abs(start[1] - stop[1]) <= 1 else 0.35
        way = 1 if start[1] < stop[1] else -1
        style = {"arrowstyle": "-|>", "color": ink, "shrinkA": 0, "shrinkB": 0}
        style["connectionstyle"] = f"arc3,rad={bend * way}"
        head, tail = (stop[0], stop[1] - way * _HALF), (start[0], start[1] + way * _HALF)
        axes.annotate("", head, tail, arrowprops=style)
        ground = {"facecolor": paper, "edgecolor": "none", "pad": 1.0}
        if arrow.label:
            where = _free(start, stop, bend, labelled)
            labelled.append(where)
            axes.text(*where, arrow.label, ha="center", va="center", fontsize=8, color="#d55e00", bbox=ground, zorder=4)
    axes.set_title(title)


def _free(start: Spot, stop: Spot, bend: float, taken: list[Spot]) -> Spot:
    """Find where on an arrow its label stands: in the middle, or where it would cover another, far from the others."""
    middle = ((start[0] + stop[0]) / 2 - bend * abs(start[1] - stop[1]), (start[1] + stop[1]) / 2)

    def at(t: float) -> Spot:
        weights = ((1 - t) ** 2, 2 * t * (1 - t), t**2)
        x, y = (sum(map(operator.mul, weights, points)) for points in zip(start, middle, stop, strict=True))
        return x, y

    where = at(0.5)
    if all(abs(where[0] - x) > _WIDE or abs(where[1] - y) > _HIGH for x, y in taken):
        return where
    return max((at(t) for t in (0.3, 0.7)), key=lambda spot: min(math.dist(spot, other) for other in taken))
