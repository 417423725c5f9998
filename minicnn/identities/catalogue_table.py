"""The catalogue run on layers, as a table that grows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from minicnn.identities.catalogue import CATALOGUE, DoesNotApplyError
from minicnn.identities.certification import certify
from minicnn.identities.comparison import Comparison, all_hold, table
from minicnn.identities.examples import Example

Found = dict[str, dict[str, tuple[Comparison, ...]]]  # by layer, then by identity


def answers(examples: Sequence[Example]) -> Iterator[tuple[str, str, tuple[Comparison, ...]]]:
    """Certify every layer, and run the catalogue on it: the layer, the identity and its comparisons, one by one."""
    for example in examples:
        certificate = certify(lambda x, e=example: e.conv(x, e.w), jnp.zeros_like(example.x), matrix=example.map)
        yield example.label, "certify", certificate.comparisons
        for name, identity in CATALOGUE.items():
            try:
                comparisons = identity.check(example)
            except DoesNotApplyError as why:
                comparisons = (Comparison.without(name, f"does not apply: {why}"),)
            yield example.label, name, comparisons


def tables(found: Mapping[str, Mapping[str, Sequence[Comparison]]]) -> Any:
    """Tables for the terminal: one for each layer, one row for each comparison."""
    from rich.console import Group

    return Group(*(table([c for own in by_name.values() for c in own], layer) for layer, by_name in found.items()))


def to_json(found: Found) -> list[dict[str, Any]]:
    """What was found as JSON values, one for each layer and identity."""
    return [
        {
            "layer": layer,
            "name": name,
            "ok": all_hold(comparisons),
            "why": next((c.left_out.removeprefix("does not apply: ") for c in comparisons if c.left_out), ""),
            "comparisons": [c.to_json() for c in comparisons if not c.left_out],
        }
        for layer, by_name in found.items()
        for name, comparisons in by_name.items()
    ]


def run_live(console: Any, examples: Sequence[Example]) -> Found:
    """Run the catalogue and show the table as it grows."""
    from rich.live import Live

    found: Found = {}
    with Live(tables(found), console=console, refresh_per_second=4, vertical_overflow="visible") as live:
        for layer, name, comparisons in answers(examples):
            found.setdefault(layer, {})[name] = comparisons
            live.update(tables(found))
    return found
