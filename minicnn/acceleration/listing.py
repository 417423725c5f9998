"""What was replaced by what, and what was left and why, as a table."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from minicnn import jax_internals
from minicnn.acceleration.decision import Decision


@dataclass(frozen=True)
class Row:
    """A convolution or a pool.

    Attributes:
        name: the scopes that it is in, such as the modules of a network, or its line of code.
        primitive: of lax.
        shapes: of its operands and of its result.
        replaced: whether it is replaced.
        by: what replaces it, or why it is left.
    """

    name: str
    primitive: str
    shapes: str
    replaced: bool
    by: str


@dataclass(frozen=True)
class Listing:
    """All convolutions and pools of a function, in order; it prints as a table.

    Attributes:
        rows: one for each.
    """

    rows: tuple[Row, ...]

    @property
    def replaced(self) -> int:
        """How many are replaced."""
        return sum(row.replaced for row in self.rows)

    @property
    def left(self) -> int:
        """How many are left to lax."""
        return len(self.rows) - self.replaced

    def __str__(self) -> str:
        """A line for each, and how many were replaced."""
        cells = [
            (row.name, row.primitive, row.shapes, row.by if row.replaced else f"left: {row.by}") for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells]
        return "\n".join((*lines, f"{self.replaced} of {len(self.rows)} are replaced"))

    __repr__ = __str__


def rows(decisions: Iterable[tuple[Any, Decision]]) -> Iterator[Row]:
    """The rows of a table of decisions about equations."""
    for equation, decision in decisions:
        sizes = ["×".join(map(str, atom.aval.shape)) for atom in (*equation.invars, *equation.outvars)]
        name = "/".join(jax_internals.scopes(equation)) or _line(jax_internals.source_line(equation))
        yield Row(
            name,
            equation.primitive.name,
            f"{', '.join(sizes[:-1])} → {sizes[-1]}",
            decision.apply is not None,
            decision.said,
        )


def _line(place: str) -> str:
    return place.rsplit("/", 1)[-1]
