"""What a certificate says: the identities of one function, and how each of them was decided."""

from dataclasses import dataclass, field
from html import escape
from typing import Any

from minicnn.identities.comparison import Comparison, all_hold, count, html_table, table


class CertificateError(AssertionError):
    """An identity fails, or could not be proved."""


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
        """Whether every identity holds; one that could not be decided does not."""
        return all_hold(self.comparisons)

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
        """One line that says what kind of map it is and how many identities hold."""
        rows, columns = self.shape
        return f"{self.kind}, {rows}×{columns}, {self.arithmetic}: {count(self.comparisons)} identities hold"

    @property
    def rows(self) -> tuple[Comparison, ...]:
        """The rows of its table: the identities, and the ways that could not be taken."""
        skipped = (Comparison.without(way, f"not taken: {why}") for way, why in self.skipped.items())
        return (*self.comparisons, *skipped)

    def table(self) -> Any:
        """Lay out a table for the terminal: `rich.print(certificate.table())`."""
        return table(self.rows, self.headline)

    def to_json(self) -> dict[str, Any]:
        """Turn the certificate into JSON values."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "arithmetic": self.arithmetic,
            "ok": self.ok,
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "skipped": self.skipped,
        }

    def __str__(self) -> str:
        """Give the headline, and every identity with its verdict."""
        return "\n".join([self.headline, *map(str, self.rows)])

    def __repr__(self) -> str:
        """Give the same text as `str`."""
        return str(self)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.headline)}</p>{html_table(self.rows)}"
