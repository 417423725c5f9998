"""One identity between two arrays, compared entry by entry: what was found, how it was judged, and how it is shown.

Every check of minicnn answers with `Comparison`: certificates, the layers of a trained network, the catalogue, and the
published numbers of the gallery. `table`, `html_table` and `str` are its renderings.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Any, NamedTuple

import numpy as np

from minicnn.extras import require
from minicnn.identities.function import Place


@dataclass(frozen=True)
class Entry:
    """One entry of two matrices that should be equal.

    Attributes:
        output: the output it belongs to, its row in C.
        input: the input it belongs to, its column in C; None where a vector was compared.
        tap: the tap of the kernel that joins them; None where none does or the kernel is not known.
        actual: the value found.
        expected: the value claimed.
        bound: how far they may lie apart; None where no bound can be derived.
    """

    output: Place | None
    input: Place | None
    tap: tuple[int, ...] | None
    actual: complex
    expected: complex
    bound: float | None

    def __str__(self) -> str:
        """Say where the entry is, both values and the bound."""
        places = [("output", self.output), ("input", self.input), ("tap", self.tap)]
        where = ", ".join(f"{name} {place}" for name, place in places if place is not None)
        allowed = "bound not derivable" if self.bound is None else f"allowed {self.bound:.2g}"
        return f"{where}: {self.actual:.9g} instead of {self.expected:.9g} ({allowed})"


@dataclass(frozen=True)
class Comparison:
    """One identity between two matrices, compared entry by entry.

    Attributes:
        identity: what is claimed.
        entries: how many entries were compared.
        differing: how many of them differ by more than they may.
        error: the largest difference.
        exact: no difference was allowed.
        decided: the difference could be judged; False where no bound can be derived.
        worst: the entry that is furthest off, or closest to its bound; None where all entries are equal.
        causes: what would explain the difference.
        note: why an identity could not be decided, or what else there is to know.
        left_out: why nothing was compared, where that is not a failure: a way that cannot be taken, an identity that
            says nothing about a layer. Empty otherwise.
        sides: what was found and what was claimed, kept where they are short enough to be shown; else None.
    """

    identity: str
    entries: int
    differing: int = 0
    error: float = 0.0
    exact: bool = True
    decided: bool = True
    worst: Entry | None = None
    causes: tuple[str, ...] = ()
    note: str = ""
    left_out: str = ""
    sides: tuple[Any, Any] | None = None

    @classmethod
    def without(cls, identity: str, why: str) -> "Comparison":
        """State that nothing was compared and that this is not a failure; `why` is the reason."""
        return cls(identity, 0, decided=False, left_out=why)

    @property
    def ok(self) -> bool | None:
        """Whether the identity holds; None where that could not be decided, or nothing was compared."""
        return self.differing == 0 if self.decided else None

    @property
    def bound(self) -> float | None:
        """The bound of the worst entry, 0 where none was needed; None where no bound can be derived."""
        return self.worst.bound if self.worst else 0.0

    @property
    def ratio(self) -> float:
        """The share of its bound that the worst entry takes: at most 1 where the identity holds."""
        if self.worst is None or (not self.differing and not self.error):
            return np.inf if self.differing else 0.0
        error = abs(self.worst.actual - self.worst.expected)
        return error / self.worst.bound if self.worst.bound else np.inf

    @property
    def verdict(self) -> str:
        """The verdict in words: equal, within the bound, fails, bound not derivable, or why nothing was compared."""
        if self.left_out:
            return self.left_out
        if not self.decided:
            return "bound not derivable"
        if self.differing:
            return "fails"
        return "equal" if self.error == 0 else "within the bound"

    def __str__(self) -> str:
        """State the identity, the verdict, and for a failure where and probably why."""
        lines = [f"{self.identity}: {self.verdict}"]
        if not self.ok and not self.left_out:
            lines[0] += f", {self.differing:,} of {self.entries:,} entries differ" if self.differing else ""
            lines += [f"  worst: {self.worst}"] if self.worst else []
            lines += [f"  likely cause: {' or '.join(self.causes)}"] if self.causes else []
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])

    def to_json(self) -> dict[str, Any]:
        """Turn the comparison into JSON values; numbers that JSON has no word for become text."""
        facts = {"ok": self.ok, "verdict": self.verdict, "bound": self.bound, "ratio": self.ratio}
        return _json({**asdict(replace(self, sides=None)), **facts})


def all_hold(comparisons: Iterable[Comparison]) -> bool:
    """Tell whether every identity that was compared holds; one that could not be decided does not."""
    return all(comparison.ok for comparison in comparisons if not comparison.left_out)


def count(comparisons: Iterable[Comparison]) -> str:
    """Say how many identities hold, as "7 of 8"."""
    compared = [comparison for comparison in comparisons if not comparison.left_out]
    return f"{sum(bool(comparison.ok) for comparison in compared)} of {len(compared)}"


# Each column of a table: its name, and what it shows of a comparison.
COLUMNS: dict[str, Callable[[Comparison], str]] = {
    "identity": lambda c: c.identity,
    "entries": lambda c: "–" if c.left_out else f"{c.entries:,}",
    "largest difference": lambda c: "–" if c.left_out else _number(c.error),
    "bound": lambda c: "–" if c.left_out or c.bound is None else _number(c.bound),
    "verdict": lambda c: _explained(c),
    "claimed": lambda c: _told(c.sides[1]) if c.sides else "–",
    "found": lambda c: _told(c.sides[0]) if c.sides else "–",
}
USUAL = ("identity", "entries", "largest difference", "bound", "verdict")
_WORDS = ("identity", "verdict", "claimed", "found")  # columns that are aligned as text


def table(comparisons: Sequence[Comparison], title: str, columns: Sequence[str] = USUAL) -> Any:
    """Lay out a table for the terminal: one row for each comparison, those that fail in red."""
    require("draw", "a table for the terminal")
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, show_edge=False, title=title, title_justify="left")
    for name in columns:
        # A narrow heading leaves room for what is claimed: none is wider than its longest word.
        widest = max(map(len, name.split())) if name == "largest difference" else None
        shown.add_column(name, justify="left" if name in _WORDS else "right", max_width=widest)
    for comparison in comparisons:
        shown.add_row(*(COLUMNS[name](comparison) for name in columns), style=_look(comparison).terminal)
    return shown


def html_table(comparisons: Sequence[Comparison], columns: Sequence[str] = USUAL) -> str:
    """Lay out the same table for a page."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    rows = "".join(
        f'<tr style="{_look(c).page}"><td>{_look(c).mark}</td>'
        f"{''.join(f'<td>{escape(COLUMNS[name](c))}</td>' for name in columns)}</tr>"
        for c in comparisons
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


class _Look(NamedTuple):
    """How the row of a comparison looks: its mark, and its style in a terminal and on a page."""

    mark: str
    terminal: str
    page: str


_LOOKS = {
    True: _Look("✓", "", ""),
    False: _Look("✗", "bold red", "color:#d55e00;font-weight:bold"),
    None: _Look("?", "yellow", "font-style:italic"),
}
_LEFT_OUT = _Look("–", "dim", "opacity:0.7")


def _look(comparison: Comparison) -> _Look:
    return _LEFT_OUT if comparison.left_out else _LOOKS[comparison.ok]


def _number(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _explained(comparison: Comparison) -> str:
    """Give the verdict, and for a failure how much of it there is and what explains it."""
    if not (comparison.decided and comparison.differing):
        return comparison.verdict
    return f"{comparison.differing:,} differ: " + (" or ".join(comparison.causes) or "cause not known")


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(_told, value)) if isinstance(value[0], tuple) else " ".join(map(str, value))
    return str(value)


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_json(item) for item in value]
    if isinstance(value, complex) or (isinstance(value, float) and not np.isfinite(value)):
        return str(value)
    return value


@dataclass(frozen=True)
class Tolerance:
    """How far two sides may lie apart.

    Attributes:
        bound: for all entries or for each; None where none can be derived.
        note: why not.
        refutes: whether what lies further apart is wrong; otherwise nothing is decided about it.
    """

    bound: Any = 0.0
    note: str = ""
    refutes: bool = True


Locate = Callable[[tuple[int, ...]], tuple[Place | None, Place | None, tuple[int, ...] | None]]
Explain = Callable[[np.ndarray, np.ndarray], tuple[str, ...]]
EXACT = Tolerance()


def compare(
    identity: str,
    actual: Any,
    expected: Any,
    tolerance: Callable[[], Tolerance] = lambda: EXACT,
    locate: Locate | None = None,
    explain: Explain = lambda actual, expected: (),
    keep: bool = False,
) -> Comparison:
    """Compare two arrays entry by entry. What is not a number is equal to nothing.

    Args:
        identity: what is claimed.
        actual: the side that was found.
        expected: the side that is claimed, of the same shape.
        tolerance: asked only where an entry differs.
        locate: the output, the input and the tap of an index.
        explain: what would explain the difference; asked only for a failure.
        keep: whether the two sides are short enough to be shown.
    """
    sides = (actual, expected) if keep else None
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        note = f"the shape is {actual.shape} instead of {expected.shape}"
        causes = explain(actual, expected)
        return Comparison(identity, expected.size, expected.size, np.inf, causes=causes, note=note, sides=sides)
    actual, expected = np.atleast_1d(actual, expected)
    unequal = np.nonzero(~(actual == expected))
    if not len(unequal[0]):
        return Comparison(identity, actual.size, sides=sides)
    wide = np.complex128 if np.iscomplexobj(actual) or np.iscomplexobj(expected) else np.float64
    found, claimed = actual[unequal].astype(wide), expected[unequal].astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(found - claimed)
    error[~np.isfinite(error)] = np.inf
    allowed = tolerance()
    if not allowed.refutes and allowed.bound is not None:
        within = (error <= np.broadcast_to(allowed.bound, actual.shape)[unequal]).all()
        allowed = Tolerance(allowed.bound if within else None, "" if within else allowed.note)
    bound = None if allowed.bound is None else np.broadcast_to(allowed.bound, actual.shape)[unequal]
    excess = error if bound is None or not bound.all() else error / bound
    n = int(np.argmax(excess))
    index = tuple(int(axis[n]) for axis in unequal)
    places = locate(index) if locate else (Place("", index), None, None)
    value = complex if wide is np.complex128 else float
    limit = None if bound is None else float(bound[n])
    differing = len(error) if bound is None else int((error > bound).sum())
    return Comparison(
        identity,
        actual.size,
        differing,
        float(error.max()),
        exact=bound is not None and not bound.any(),
        decided=bound is not None,
        worst=Entry(*places, value(found[n]), value(claimed[n]), limit),
        causes=explain(actual, expected) if differing else (),
        note=allowed.note,
        sides=sides,
    )
