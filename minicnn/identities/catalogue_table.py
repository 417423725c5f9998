"""The catalogue run on layers: a table for each, and JSON for all."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp

from minicnn.identities.catalogue import CATALOGUE, DoesNotApplyError
from minicnn.identities.certification import certify
from minicnn.identities.comparison import Comparison, all_hold, table
from minicnn.identities.examples import Example

Found = dict[str, dict[str, tuple[Comparison, ...]]]  # by layer, then by identity


def answers(example: Example) -> Iterator[tuple[str, tuple[Comparison, ...]]]:
    """Certify a layer and run the catalogue on it: each identity and its comparisons, one by one."""
    certificate = certify(lambda x: example.conv(x, example.w), jnp.zeros_like(example.x), matrix=example.map)
    yield "certify", certificate.comparisons
    for name, identity in CATALOGUE.items():
        try:
            comparisons = identity.check(example)
        except DoesNotApplyError as why:
            comparisons = (Comparison.without(name, f"does not apply: {why}"),)
        yield name, comparisons


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


def run_live(console: Any, examples: Sequence[Example], doing: Callable[[str], None]) -> Found:
    """Run the catalogue and print the table of each layer as soon as it is complete.

    Args:
        console: of rich.
        examples: the layers.
        doing: told what is being checked.
    """
    found: Found = {}
    for example in examples:
        own = found[example.label] = {}
        for name, comparisons in answers(example):
            own[name] = comparisons
            doing(f"{len(own)} of {len(CATALOGUE) + 1} checks of {example.label}")
        console.print(table([comparison for each in own.values() for comparison in each], example.label))
    return found
