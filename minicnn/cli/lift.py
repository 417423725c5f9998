"""`minicnn lift`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import Seed, app, check_written, console, write_json
from minicnn.cli.faults import placed_faults
from minicnn.cli.target import Dtypes, Shapes, Target


@app.command()
def lift(
    target: Target,
    shape: Shapes = None,
    dtype: Dtypes = None,
    norms: Annotated[bool, typer.Option("--norms", help="Also bounds of each layer's largest singular value.")] = False,
    program: Annotated[bool, typer.Option("--program", help="Also the program, beside its transpose.")] = False,
    seed: Seed = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the table to this file.")] = None,
) -> None:
    """Read your own model as matrices: a row for each layer with weights, and nothing is multiplied out.

    Parameters are drawn by the model's own initialisers, inputs are random. Where all inputs are integers, the
    derivative with respect to the parameters is read.
    """
    import jax
    import jax.numpy as jnp

    import minicnn
    from minicnn.autodiff import beside
    from minicnn.cli.target import check_found, inputs, is_wide, load
    from minicnn.lift.models import read_model

    check_found(target)
    check_written(json_file)
    with jax.enable_x64(is_wide(dtype)), placed_faults(target):
        key = jax.random.key(seed)
        xs = inputs(shape, dtype, seed)
        model = read_model(load(target, key), *xs, key=key)
        varying = [n for n, x in enumerate(xs) if jnp.issubdtype(x.dtype, jnp.inexact)]
        P = minicnn.lift(model.of_inputs, *xs, argnums=varying) if varying else minicnn.lift(model.f, model.params, *xs)
        table = P.table(sigma=norms)
        if program:
            simple = P.simplify()
            console.print(f"{beside(simple, simple.T)}\n", soft_wrap=True, highlight=False, markup=False)
        said = str(table) if table.rows else "No map holds weights that have a name."
        console.print(said, soft_wrap=True, highlight=False, markup=False)
    rows = [{**asdict(row), "density": row.density} for row in table.rows]
    write_json(json_file, {"rows": rows, "total": asdict(table.total)})
