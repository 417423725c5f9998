"""The catalogue run on layers, as a table that grows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import jax.numpy as jnp

from minicnn.identities.catalogue import CATALOGUE, DoesNotApplyError
from minicnn.identities.certificate import HEADERS, STYLES, Comparison, cells, comparison_json
from minicnn.identities.certification import certify
from minicnn.identities.setting import Setting


@dataclass(frozen=True)
class Outcome:
    """The comparisons of one identity on one layer, or why it says nothing about it.

    Attributes:
        layer: the layer, in one line.
        name: of the identity.
        comparisons: empty where it does not apply.
        why: it does not apply.
    """

    layer: str
    name: str
    comparisons: tuple[Comparison, ...] = ()
    why: str = ""

    @property
    def ok(self) -> bool:
        """Nothing fails, and nothing is undecided."""
        return all(comparison.ok for comparison in self.comparisons)

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        comparisons = [comparison_json(comparison) for comparison in self.comparisons]
        return {"layer": self.layer, "name": self.name, "ok": self.ok, "why": self.why, "comparisons": comparisons}


def outcomes(settings: Sequence[Setting]) -> Iterator[Outcome]:
    """Certify every layer, and run the catalogue on it, one identity after the other."""
    for setting in settings:
        certificate = certify(lambda x, s=setting: s.conv(x, s.w), jnp.zeros_like(setting.x), matrix=setting.map)
        yield Outcome(setting.label, "certify", certificate.comparisons)
        for name, identity in CATALOGUE.items():
            try:
                yield Outcome(setting.label, name, identity.check(setting))
            except DoesNotApplyError as why:
                yield Outcome(setting.label, name, why=str(why))


def table_of(found: Sequence[Outcome]) -> Any:
    """Tables for the terminal: one for each layer, one row for each comparison."""
    from rich.console import Group

    return Group(*(_table(layer, list(own)) for layer, own in groupby(found, lambda outcome: outcome.layer)))


def _table(layer: str, found: Sequence[Outcome]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, title=layer, title_justify="left")
    for name in HEADERS:
        table.add_column(name, justify="left" if name in ("identity", "verdict") else "right")
    for outcome in found:
        for comparison in outcome.comparisons:
            table.add_row(*cells(comparison), style=STYLES[comparison.ok])
        if outcome.why:
            table.add_row(outcome.name, "–", "–", "–", f"does not apply: {outcome.why}", style="dim")
    return table


def run_live(console: Any, settings: Sequence[Setting]) -> list[Outcome]:
    """Run the catalogue and show the table as it grows."""
    from rich.live import Live

    found: list[Outcome] = []
    with Live(table_of(found), console=console, refresh_per_second=4, vertical_overflow="visible") as live:
        for outcome in outcomes(settings):
            found.append(outcome)
            live.update(table_of(found))
    return found
