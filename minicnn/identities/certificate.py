"""What a certificate says: identities between matrices, entry by entry, and how each of them was decided."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np

from minicnn.identities.leaves import Place


class CertificateError(AssertionError):
    """An identity fails, or could not be proved."""


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
        """Where it is, both values and the bound."""
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

    @property
    def ok(self) -> bool | None:
        """Whether the identity holds; None where that could not be decided."""
        return self.differing == 0 if self.decided else None

    @property
    def bound(self) -> float | None:
        """The bound of the worst entry, 0 where none was needed; None where no bound can be derived."""
        return self.worst.bound if self.worst else 0.0

    @property
    def verdict(self) -> str:
        """Equal, within the bound, fails, or bound not derivable."""
        if not self.decided:
            return "bound not derivable"
        if self.differing:
            return "fails"
        return "equal" if self.error == 0 else "within the bound"

    def __str__(self) -> str:
        """The identity, the verdict, and for a failure where and probably why."""
        lines = [f"{self.identity}: {self.verdict}"]
        if not self.ok:
            lines[0] += f", {self.differing:,} of {self.entries:,} entries differ" if self.differing else ""
            lines += [f"  worst: {self.worst}"] if self.worst else []
            lines += [f"  likely cause: {' or '.join(self.causes)}"] if self.causes else []
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])


@dataclass(frozen=True)
class Certificate:
    """The identities of one function, and whether they hold.

    Attributes:
        kind: what was claimed or found: "linear", "affine", "bilinear" or "function".
        shape: (out, in) of the matrix.
        arithmetic: the dtype, its unit roundoff, and how products round their factors.
        comparisons: the identities.
        skipped: the ways that could not be taken, and why.
    """

    kind: str
    shape: tuple[int, int]
    arithmetic: str
    comparisons: tuple[Comparison, ...]
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Every identity holds; one that could not be decided does not."""
        return all(comparison.ok for comparison in self.comparisons)

    def raise_if_failed(self) -> None:
        """Raise what `str` shows, unless every identity holds.

        Raises:
            CertificateError: with the identities that do not hold.
        """
        if not self.ok:
            wrong = "\n".join(str(comparison) for comparison in self.comparisons if not comparison.ok)
            raise CertificateError(f"{self.headline}\n{wrong}")

    @property
    def headline(self) -> str:
        """One line: what kind of map it is and how many identities hold."""
        held = sum(bool(comparison.ok) for comparison in self.comparisons)
        rows, columns = self.shape
        return f"{self.kind}, {rows}×{columns}, {self.arithmetic}: {held} of {len(self.comparisons)} identities hold"

    def table(self) -> Any:
        """A table for the terminal: `rich.print(certificate.table())`."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, title=self.headline, title_justify="left")
        for name in HEADERS:
            table.add_column(name, justify="left" if name in ("identity", "verdict") else "right")
        for comparison in self.comparisons:
            table.add_row(*cells(comparison), style=STYLES[comparison.ok])
        for way, why in self.skipped.items():
            table.add_row(way, "–", "–", "–", f"not taken: {why}", style="dim")
        return table

    def to_json(self) -> dict[str, Any]:
        """The certificate as JSON values."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "arithmetic": self.arithmetic,
            "ok": self.ok,
            "comparisons": [comparison_json(comparison) for comparison in self.comparisons],
            "skipped": self.skipped,
        }

    def __str__(self) -> str:
        """The headline, and every identity with its verdict."""
        skipped = [f"{way}: not taken, {why}" for way, why in self.skipped.items()]
        return "\n".join([self.headline, *map(str, self.comparisons), *skipped])

    def __repr__(self) -> str:
        """As `str`."""
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in HEADERS)
        rows = [
            f'<tr style="{_HTML_STYLES[comparison.ok]}">'
            f"{''.join(f'<td>{escape(cell)}</td>' for cell in (_MARKS[comparison.ok], *cells(comparison)))}</tr>"
            for comparison in self.comparisons
        ]
        rows += [
            f'<tr style="opacity:0.7"><td>–</td><td>{escape(way)}</td><td colspan="4">not taken: {escape(why)}</td>'
            for way, why in self.skipped.items()
        ]
        return f"<p>{escape(self.headline)}</p><table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


HEADERS = ("identity", "entries", "largest difference", "bound", "verdict")
STYLES = {True: "", False: "bold red", None: "yellow"}
_HTML_STYLES = {True: "", False: "color:#d55e00;font-weight:bold", None: "font-style:italic"}
_MARKS = {True: "✓", False: "✗", None: "?"}


def cells(comparison: Comparison) -> tuple[str, ...]:
    """One row of a table of comparisons."""
    bound = "–" if comparison.bound is None else f"{comparison.bound:.1e}" if comparison.bound else "0"
    verdict = comparison.verdict
    if comparison.differing and comparison.decided:
        verdict = f"{comparison.differing:,} differ: " + (" or ".join(comparison.causes) or "cause not known")
    error = f"{comparison.error:.1e}" if comparison.error else "0"
    return comparison.identity, f"{comparison.entries:,}", error, bound, verdict


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON values; numbers that JSON has no word for become text."""
    return _json({**asdict(comparison), "ok": comparison.ok, "verdict": comparison.verdict, "bound": comparison.bound})


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
    """

    bound: Any = 0.0
    note: str = ""


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
) -> Comparison:
    """Compare two arrays entry by entry. What is not a number is equal to nothing.

    Args:
        identity: what is claimed.
        actual: the side that was found.
        expected: the side that is claimed, of the same shape.
        tolerance: asked only where an entry differs.
        locate: the output, the input and the tap of an index.
        explain: what would explain the difference; asked only for a failure.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        note = f"the shape is {actual.shape} instead of {expected.shape}"
        return Comparison(identity, expected.size, expected.size, np.inf, causes=explain(actual, expected), note=note)
    unequal = np.nonzero(~(actual == expected))
    if not len(unequal[0]):
        return Comparison(identity, actual.size)
    wide = np.complex128 if np.iscomplexobj(actual) or np.iscomplexobj(expected) else np.float64
    found, claimed = actual[unequal].astype(wide), expected[unequal].astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(found - claimed)
    error[~np.isfinite(error)] = np.inf
    allowed = tolerance()
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
    )
