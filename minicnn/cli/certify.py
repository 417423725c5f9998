"""`minicnn certify`."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from minicnn.cli.app import Seed, app, check_written, conclude, console, write_json
from minicnn.cli.faults import placed_faults
from minicnn.cli.parsing import each, padding, rank_of, sizes
from minicnn.cli.sizes import check_numbers
from minicnn.cli.target import TARGET, Dtypes, check_found, is_wide, shape_of
from minicnn.cli.unused import refuse, typed
from minicnn.cli.waiting import waiting
from minicnn.forms.tables import MODES
from minicnn.run_folder import check_finished

# What is heeded beside the options of a layer, by what is certified.
_USED = {
    "a model": {"subject", "json_file", "shapes", "dtype", "seed"},
    "a model at an image of --data": {"subject", "json_file", "shapes", "data", "image", "data_dir", "seed"},
    "a RUN": {"subject", "json_file", "image", "data_dir"},
    "the layer of --kernel": {"json_file", "shapes", "seed"},
    "the catalogue": {"json_file"},
}
# What these options are of.
_OWNERS = {
    "drawn inputs of a model, as net.py:build is": ("dtype",),
    "a model, as net.py:build is": ("data",),
    "a RUN, or of --data": ("image", "data_dir"),
    "a layer or a model": ("shapes", "seed"),
}
_OLDER = {"size": ("shapes", "dims"), "channels_in": ("channels",), "channels_out": ("channels",)}


@app.command()
def certify(
    context: typer.Context,
    subject: Annotated[
        str | None, typer.Argument(metavar="[RUN | MODULE:NAME]", help=f"The folder of a finished run, or {TARGET}")
    ] = None,
    shapes: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "--shape",
            help="Size of the input: of a layer 6 for both axes, 6x5 or 4x4x3; of a model all axes, 1x28x28x1, and one "
            "--input for each.",
        ),
    ] = None,
    dtype: Dtypes = None,
    data: Annotated[
        str | None,
        typer.Option(help="Of a model: a data set; its input is a test image of it."),
    ] = None,
    image: Annotated[int, typer.Option(help="Of a run, or of --data: number of the test image.")] = 0,
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set is, if no longer there.")] = None,
    size: Annotated[str | None, typer.Option(hidden=True, help="Of a layer: its --input, with all axes.")] = None,
    kernel: Annotated[str | None, typer.Option(help="Of a layer: taps, 3 for every axis or 3x2.")] = None,
    stride: Annotated[str, typer.Option(help="Of a layer: 2 or 2x1.")] = "1",
    dilation: Annotated[str, typer.Option(help="Of a layer: 2 or 2x1.")] = "1",
    stretch: Annotated[str, typer.Option(help="Of a layer: 2 or 2x1.")] = "1",
    pad: Annotated[
        str, typer.Option("--padding", help="Of a layer: 1, low:high such as 1:2, 1x0:2 for two axes, or SAME.")
    ] = "VALID",
    padding_mode: Annotated[str, typer.Option(help=f"Of a layer: {', '.join(MODES)}.")] = "zeros",
    channels: Annotated[str, typer.Option(help="Of a layer: of input and output, 2 or 2x4.")] = "1",
    channels_in: Annotated[int | None, typer.Option(hidden=True, help="Of a layer.")] = None,
    channels_out: Annotated[int | None, typer.Option(hidden=True, help="Of a layer.")] = None,
    groups: Annotated[int, typer.Option(help="Of a layer: blocks of channels.")] = 1,
    flip: Annotated[bool, typer.Option("--flip", help="Of a layer: true convolution.")] = False,
    dims: Annotated[int | None, typer.Option(help="Of a layer: axes, where the sizes do not say, 1 or 2.")] = None,
    seed: Seed = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result to this file.")] = None,
) -> None:
    """Check the identities on a trained RUN, on a layer given by --kernel, or, with neither, the whole catalogue.

    Your own model is certified whole and layer by layer, for its parameters and inputs: a layer whose vjp is not the
    transpose of its matrix is named, with file and line.
    """
    import jax

    from minicnn.identities.comparison import all_hold

    if subject is not None and kernel is not None:
        raise ValueError("give a RUN or --kernel, not both")
    is_model = subject is not None and ":" in subject and not Path(subject).exists()
    _check_used(context, "a model" if is_model else "a RUN" if subject is not None else "")
    check_written(json_file)
    if subject is not None and is_model:
        check_found(subject)
        with jax.enable_x64(is_wide(dtype)):
            found, result = _certify_model(subject, _inputs(shapes, dtype, data, image, data_dir, seed), seed)
    elif subject is not None:
        run = Path(subject).expanduser()
        check_finished(run)
        found, result = _certify_run(run, image, data_dir)
    else:
        defaults = {"stretch": "1", "groups": 1, "flip": False, "padding_mode": "zeros"}
        given = {"stretch": stretch, "groups": groups, "flip": flip, "padding_mode": padding_mode}
        options = {name: value for name, value in given.items() if value != defaults[name]}
        options |= {"stride": stride, "dilation": dilation, "padding": pad}
        in_size = shapes[0] if shapes else "6"
        if size is not None:
            in_size, dims = size, len(sizes("size", size))
        c_in, c_out = each("channels", channels, 2)
        both = c_in if channels_in is None else channels_in, c_out if channels_out is None else channels_out
        found, result = _certify_layers(in_size, dims, kernel, both, options, seed)
    write_json(json_file, {"ok": all_hold(found), "results": result})
    conclude(found)


def _certify_run(folder: Path, image: int, data_dir: Path | None) -> tuple[Sequence[Any], list[Any]]:
    from minicnn.train import Run
    from minicnn.train.report import table
    from minicnn.train.trained import Trained
    from minicnn.zoo.proof import check_network

    waiting.doing("reading the run")
    trained = Trained.of(Run.open(folder), data_dir)
    test = trained.data.test
    if not 0 <= image < len(test):
        raise ValueError(f"`image`={image}: the test images are 0 to {len(test) - 1}")
    loss = trained.recipe.loss
    waiting.doing("checking every layer")
    reports = check_network(trained.model, trained.params, test.images[image], int(test.labels[image]), loss)
    console.print(table(reports))
    checks = [{"checks": [check.to_json() for check in report.checks]} for report in reports]
    found = [check for report in reports for check in report.checks]
    return found, [{**asdict(report), **own, "ok": report.ok} for report, own in zip(reports, checks, strict=True)]


def _certify_model(target: str, inputs: Sequence[Any], seed: int) -> tuple[Sequence[Any], list[Any]]:
    import jax

    from minicnn.cli.target import load
    from minicnn.identities import certify_model

    key = jax.random.key(seed)
    with placed_faults(target):
        waiting.doing("loading the model")
        model = load(target, key)
        waiting.doing("certifying it whole, and layer by layer")
        certificates = certify_model(model, *inputs, key=key)
    for certificate in certificates:
        console.print(certificate.table())
    found = [comparison for certificate in certificates for comparison in certificate.comparisons]
    return found, [certificate.to_json() for certificate in certificates]


def _inputs(
    shapes: Sequence[str] | None,
    dtypes: Sequence[str] | None,
    data: str | None,
    number: int,
    data_dir: Path | None,
    seed: int,
) -> list[Any]:
    """Drawn inputs of a model, or a test image: a batch of one, or of the shape that is given."""
    import jax.numpy as jnp

    from minicnn.cli.target import inputs
    from minicnn.data.registry import check_used, load_data

    if data is None:
        return inputs(shapes, dtypes, seed)
    check_used(data, data_dir)
    images = load_data(data, data_dir).test.images
    if not 0 <= number < len(images):
        raise ValueError(f"`image`={number}: the test images are 0 to {len(images) - 1}")
    shape = shape_of(shapes[0]) if shapes else (1, *images.shape[1:])
    if math.prod(shape) != images[number].size:
        raise ValueError(f"`input`={'×'.join(map(str, shape))} is not the shape of an image of {images.shape[1:]}")
    return [jnp.asarray(images[number]).reshape(shape)]


def _check_used(context: typer.Context, subject: str) -> None:
    """Refuse what does nothing for what is certified: a model, a RUN, the layer of --kernel, or the catalogue.

    Whatever is not named as used is refused, so an option that is added cannot be ignored in silence.
    """
    given, layers = typed(context), _of_a_layer(context)
    kind = subject or ("the layer of --kernel" if "kernel" in given else "the catalogue")
    if kind == "a model" and "data" in given:
        kind = "a model at an image of --data"
    unused = given.keys() - _USED[kind] - (layers if kind == "the layer of --kernel" else set())
    if kind == "the catalogue" and unused & {"shapes", *layers}:
        refuse(context, unused & {"shapes", *layers}, "without a layer: give its --kernel, too")
    for owner, names in {"a layer": layers, **_OWNERS}.items():
        refuse(context, unused & {*names}, f"for {kind}: leave out what is of {owner}")
    refuse(context, unused, f"for {kind}: leave it out")
    for older, newer in _OLDER.items():
        if older in given:
            refuse(context, newer, f"beside {given[older]}, its older spelling: leave one of them out")
    if kind in ("the layer of --kernel", "a model at an image of --data") and len(context.params["shapes"] or ()) > 1:
        raise ValueError(f"--input is given {len(context.params['shapes'])} times, and {kind} has one: leave one")


def _of_a_layer(context: typer.Context) -> set[str]:
    """The parameters that are of a layer."""
    helps = {str(option.name): getattr(option, "help", "") or "" for option in context.command.params}
    return {name for name, text in helps.items() if text.startswith("Of a layer")}


def _certify_layers(
    in_size: str,
    dims: int | None,
    kernel: str | None,
    channels: tuple[int, int],
    options: dict[str, Any],
    seed: int,
) -> tuple[Sequence[Any], list[Any]]:
    from minicnn.forms.memory import check_room
    from minicnn.identities.catalogue import held
    from minicnn.identities.catalogue_table import run_live, to_json
    from minicnn.identities.examples import EXAMPLES, Example

    examples: Sequence[Example] = EXAMPLES
    if kernel is not None:
        rank = rank_of(dims, in_size, kernel)
        for name in {"stride", "dilation", "stretch"} & set(options):
            options[name] = each(name, options[name], rank)
        options["padding"] = padding(options["padding"], rank)
        sizes_of = (each("input", in_size, rank), each("kernel", kernel, rank))
        smaller = "certify a smaller one; the identities are the same at every size"
        c_in, c_out = channels
        blocks = max(options.get("groups", 1), 1)
        check_numbers(
            f"`kernel`={kernel}, `channels`={c_in}x{c_out}: the kernel", (*sizes_of[1], c_in // blocks, c_out), smaller
        )
        examples = [Example(*sizes_of, *channels, options, seed)]
        smaller = "certify a smaller input; the identities are the same at every size"
        for what, rows, columns, needed in held(examples[0]):
            check_room(f"{what} is {rows:,}×{columns:,}, with all that is computed beside it", needed, smaller)
    found = run_live(console, examples, waiting.doing)
    comparisons = [c for by_name in found.values() for own in by_name.values() for c in own if not c.left_out]
    return comparisons, to_json(found)
