"""`minicnn spectrum`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from minicnn.cli.app import Seed, app, check_written, console, save_figure, write_json
from minicnn.cli.parsing import each, numbers, padding, rank_of
from minicnn.cli.sizes import check_numbers, check_spectrum, given_as
from minicnn.cli.unused import refuse
from minicnn.cli.waiting import waiting
from minicnn.forms.tables import MODES

if TYPE_CHECKING:
    from minicnn.maps import LinearMap

_BARS = " ▁▂▃▄▅▆▇█"
_COLUMNS = 54  # of the curve of all values, which a terminal of 80 letters holds with its label


@app.command()
def spectrum(
    context: typer.Context,
    in_size: Annotated[str, typer.Option("--input", help="Size of the input: 8, or 8x7.")] = "8",
    kernel: Annotated[str, typer.Option(help="Taps: 3 for every axis, or 3x2.")] = "3",
    stride: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    pad: Annotated[str, typer.Option("--padding", help="1, low:high such as 1:2, 1x0:2 for two axes, or SAME.")] = "0",
    padding_mode: Annotated[str, typer.Option(help=f"One of {', '.join(MODES)}.")] = "zeros",
    dilation: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    transpose: Annotated[bool, typer.Option("--transpose", help="Cᵀ: the transposed convolution.")] = False,
    channels: Annotated[str, typer.Option(help="Of input and output: 8, or 3x8.")] = "1",
    groups: Annotated[int, typer.Option(help="Blocks of channels.")] = 1,
    dims: Annotated[int | None, typer.Option(help="Axes, where the sizes do not say: 1 or 2.")] = None,
    taps: Annotated[str | None, typer.Option(help="The kernel's values, such as 1,0,-1; random if absent.")] = None,
    estimates: Annotated[bool, typer.Option("--bounds", help="Also the estimates of the literature.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Also draw all values into this file: .png, .svg, .pdf.")] = None,
    seed: Seed = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result to this file.")] = None,
) -> None:
    """Print what a convolution's matrix knows: its singular values, and its norm between two certified bounds."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    import minicnn

    if taps is not None:
        refuse(context, ["seed"], "beside --taps, where nothing is drawn: leave one of them out")
    check_written(json_file)
    if picture is not None:
        from minicnn.draw.saving import check_still

        check_still(picture)
    rank = rank_of(dims, in_size, kernel)
    c_in, c_out = each("channels", channels, 2)
    w_shape = (*each("kernel", kernel, rank), c_in // groups if groups else 0, c_out)
    check_numbers(f"{given_as(kernel=kernel, channels=channels)}: the kernel", w_shape, "take a smaller one")
    w = np.random.default_rng(seed).standard_normal(w_shape) if taps is None else numbers("taps", taps)
    if np.size(w) != math.prod(w_shape):
        raise ValueError(
            f"`taps` has {np.size(w)} values: a kernel of {'×'.join(map(str, w_shape))} has another number"
        )
    with jax.enable_x64(True):
        padded: Any = padding(pad, rank)
        C = minicnn.conv_map(
            jnp.asarray(w, jnp.float64).reshape(w_shape),
            each("input", in_size, rank),
            stride=each("stride", stride, rank),
            padding=padded,
            padding_mode=padding_mode,
            dilation=each("dilation", dilation, rank),
            groups=groups,
        )
        C = C.T if transpose else C
        options = {"input": in_size, "kernel": kernel, "stride": stride, "padding": pad, "dilation": dilation}
        check_spectrum(given_as(**options, channels=channels), C)
        waiting.doing("finding the singular values")
        facts = _facts(C, estimates)
        _print(facts)
        if picture is not None:
            from minicnn import draw

            save_figure(draw.spectrum(C, borders=True).figure, picture)
            console.print(f"wrote {picture}", highlight=False, soft_wrap=True)
    write_json(json_file, facts)


def _facts(C: "LinearMap", estimates: bool) -> dict[str, Any]:
    """What is found, in the form of the JSON file."""
    from minicnn import linalg
    from minicnn.draw.spectra import with_every_border

    explained = linalg.explain(C)
    lower, upper, how, products = linalg.bracket(C)
    facts: dict[str, Any] = {
        "map": {"rows": C.shape[0], "columns": C.shape[1], "in_shape": C.in_shape, "out_shape": C.out_shape},
        "methods": {name: why or "exact" for name, why in explained.refusals.items()},
        "bracket": {"lower": lower, "upper": upper, "method": how, "products": products},
        "frobenius": float(linalg.norm(C, "fro")),
    }
    if explained.values is not None:
        s = linalg.svdvals(C)
        zero = float(s[0]) * max(C.shape) * float(_unit(C))
        facts["values"] = {
            "method": explained.values,
            "largest": float(s[0]),
            "smallest": float(s[-1]),
            "rank": int((s > zero).sum()),
            "nuclear": float(s.sum()),
            "all": [float(value) for value in s],
        }
    facts["borders"] = {name: _enclosed(B) for name, B in with_every_border(C)}
    if estimates:
        facts["estimates"] = [each._asdict() for each in linalg.bounds(C).estimates]
    return facts


def _unit(C: "LinearMap") -> Any:
    import jax.numpy as jnp

    return jnp.finfo(C.dtype).eps


def _enclosed(B: "LinearMap") -> dict[str, Any]:
    from minicnn import linalg

    lower, upper, how, products = linalg.bracket(B)
    return {"rows": B.shape[0], "lower": lower, "upper": upper, "method": how, "products": products}


def _print(facts: dict[str, Any]) -> None:
    rows, columns = facts["map"]["rows"], facts["map"]["columns"]
    enclosed = facts["bracket"]
    console.print(f"C is {rows:,}×{columns:,}", highlight=False)
    console.print(
        f"{enclosed['lower']:.9g} ≤ σ₁ ≤ {enclosed['upper']:.9g}  ({enclosed['method']}, "
        f"{enclosed['products']} products)",
        highlight=False,
    )
    console.print(f"Frobenius norm {facts['frobenius']:.6g}", highlight=False)
    if found := facts.get("values"):
        least = found["smallest"]
        full = found["rank"] == min(rows, columns)
        condition = f"condition {found['largest'] / least:.4g}" if full else "no inverse"
        console.print(
            f"rank {found['rank']:,} of {min(rows, columns):,}, smallest value {least:.6g}, {condition}, nuclear norm "
            f"{found['nuclear']:.6g}  ({found['method']})",
            highlight=False,
        )
        console.print(f"all values, from 0 to σ₁  {_curve(found['all'])}", highlight=False)
    else:
        whys = "; ".join(f"{name}: {why}" for name, why in facts["methods"].items() if why != "exact")
        console.print(f"not all values: {whys}", highlight=False)
    grid = Table("border", "rows", "σ₁ at least", "σ₁ at most", "method", title="The kernel with every border")
    grid.title_justify = "left"
    for name, each_border in facts["borders"].items():
        lower, upper = (f"{each_border[side]:.6g}" for side in ("lower", "upper"))
        grid.add_row(name, f"{each_border['rows']:,}", lower, upper, each_border["method"])
    console.print(grid)
    if "estimates" in facts:
        grid = Table("estimate", "value", "of σ₁", "bound", "products", title="The estimates of the literature")
        grid.title_justify = "left"
        for estimate in facts["estimates"]:
            share = estimate["value"] / enclosed["lower"] if enclosed["lower"] else math.nan
            cells = f"{estimate['value']:.6g}", f"{share:.4f}", estimate["side"], str(estimate["products"])
            grid.add_row(estimate["name"], *cells)
        console.print(grid)


def _curve(values: list[float]) -> str:
    """The values, descending, as a row of bars."""
    largest, n = values[0] or 1.0, min(len(values), _COLUMNS)
    shown = [values[i * (len(values) - 1) // max(n - 1, 1)] for i in range(n)]
    return "".join(_BARS[round(value / largest * (len(_BARS) - 1))] for value in shown)
