"""`minicnn model`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from minicnn.cli.app import app, console

_HEADERS = ("layer", "output", "params", "paper", "C", "non-\nzeros", "biases", "connections", "paper")


@app.command()
def model(
    name: Annotated[str, typer.Argument(help="lenet5, lenet5-1998, lenet4, lenet1 or cifarnet.")] = "lenet5",
    original: Annotated[bool, typer.Option("--original", hidden=True)] = False,
) -> None:
    """Show a network's layers, their parameters and their matrices, beside the numbers its paper gives."""
    from minicnn.zoo.registry import network

    chosen = f"{name}-1998" if original else name
    console.print(_table(chosen, network(chosen)))


def _table(name: str, network: Any) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from minicnn.zoo.summary import summary

    rows = summary(network.build(), network.in_shape)
    paper = network.published
    grid = Table(box=SIMPLE_HEAD, padding=0, title=f"{name} on {_by(network.in_shape)}", show_footer=True)
    grid.caption = "connections = non-zeros of C + biases; where a layer is not linear, C is its Jacobian"
    shown = [column for column, header in enumerate(_HEADERS) if paper or header != "paper"]
    totals = _totals(rows, paper)
    for column in shown:
        grid.add_column(_HEADERS[column], totals[column], justify="right" if column else "left", no_wrap=True)
    for row in rows:
        cells = _cells(row, paper)
        grid.add_row(*(cells[column] for column in shown))
    return grid


def _cells(row: Any, paper: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    parameters, connections = paper.get(row.label, ("", ""))
    return (
        row.label,
        _by(row.out_shape),
        f"{row.parameters:,}",
        parameters,
        _by(row.matrix),
        f"{row.nnz:,}",
        f"{row.biases:,}",
        f"{row.connections:,}",
        connections,
    )


def _totals(rows: Sequence[Any], paper: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    counts = ("parameters", "nnz", "biases", "connections")
    parameters, nnz, biases, connections = (f"{sum(getattr(row, count) for row in rows):,}" for count in counts)
    published = paper.get("total", ("", ""))
    return ("total", "", parameters, published[0], "", nnz, biases, connections, published[1])


def _by(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
