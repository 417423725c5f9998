"""`minicnn certify`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from minicnn.cli.app import Seed, app, console, exit_by
from minicnn.cli.parsing import each, padding, sizes
from minicnn.forms.tables import MODES


@app.command()
def certify(
    context: typer.Context,
    run: Annotated[Path | None, typer.Argument(help="The folder of a finished run.")] = None,
    image: Annotated[int, typer.Option(help="Of a run: number of the test image.")] = 0,
    data_dir: Annotated[Path | None, typer.Option(help="Of a run: where its data set is, if no longer there.")] = None,
    size: Annotated[str, typer.Option(help="Of a layer: size of the input, 6 or 6x5 or 4x4x3.")] = "6x6",
    kernel: Annotated[str | None, typer.Option(help="Of a layer: taps, 3 for every axis or 3x2.")] = None,
    stride: Annotated[str, typer.Option(help="Of a layer: 2 or 2x1.")] = "1",
    dilation: Annotated[str, typer.Option(help="Of a layer: 2 or 2x1.")] = "1",
    stretch: Annotated[str, typer.Option(help="Of a layer: 2 or 2x1.")] = "1",
    pad: Annotated[
        str, typer.Option("--padding", help="Of a layer: 1, low:high such as 1:2, 1x0:2 for two axes, or SAME.")
    ] = "VALID",
    padding_mode: Annotated[str, typer.Option(help=f"Of a layer: {', '.join(MODES)}.")] = "zeros",
    channels_in: Annotated[int, typer.Option(help="Of a layer: input channels.")] = 1,
    channels_out: Annotated[int, typer.Option(help="Of a layer: output channels.")] = 1,
    groups: Annotated[int, typer.Option(help="Of a layer: blocks of channels.")] = 1,
    flip: Annotated[bool, typer.Option("--flip", help="Of a layer: true convolution.")] = False,
    seed: Seed = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result to this file.")] = None,
) -> None:
    """Check the identities on a trained RUN, on a layer given by --kernel, or, with neither, the whole catalogue."""
    if run is not None and kernel is not None:
        raise ValueError("give a RUN or --kernel, not both")
    if kernel is None and (alone := _of_a_layer(context)):
        raise ValueError(f"{', '.join(alone)} says how a layer is: give its --kernel, too")
    if run is not None:
        found, result = _certify_run(run, image, data_dir)
    else:
        defaults = {"stretch": "1", "groups": 1, "flip": False, "padding_mode": "zeros"}
        given = {"stretch": stretch, "groups": groups, "flip": flip, "padding_mode": padding_mode}
        options = {name: value for name, value in given.items() if value != defaults[name]}
        options |= {"stride": stride, "dilation": dilation, "padding": pad}
        found, result = _certify_layers(size, kernel, channels_in, channels_out, options, seed)
    if json_file is not None:
        json_file.write_text(json.dumps({"ok": all(item.ok for item in found), "results": result}, indent=1))
    exit_by(found)


def _certify_run(folder: Path, image: int, data_dir: Path | None) -> tuple[Sequence[Any], list[Any]]:
    from minicnn.train import Run
    from minicnn.train.report import table
    from minicnn.train.trained import Trained
    from minicnn.zoo.proof import check_network

    trained = Trained.of(Run.open(folder), data_dir)
    test = trained.data.test
    if not 0 <= image < len(test):
        raise ValueError(f"`image`={image}: the test images are 0 to {len(test) - 1}")
    loss = trained.recipe.loss
    reports = check_network(trained.model, trained.params, test.images[image], int(test.labels[image]), loss)
    console.print(table(reports))
    checks = [{"checks": [check.to_json() for check in report.checks]} for report in reports]
    return reports, [{**asdict(report), **own, "ok": report.ok} for report, own in zip(reports, checks, strict=True)]


def _of_a_layer(context: typer.Context) -> list[str]:
    """The options of a layer that were given."""
    options = [
        option for option in context.command.params if (getattr(option, "help", "") or "").startswith("Of a layer")
    ]
    given = [
        option for option in options if str(context.get_parameter_source(str(option.name))).endswith("COMMANDLINE")
    ]
    return [option.opts[0] for option in given]


def _certify_layers(
    size: str, kernel: str | None, channels_in: int, channels_out: int, options: dict[str, Any], seed: int
) -> tuple[Sequence[Any], list[Any]]:
    from minicnn.identities.catalogue_table import run_live, to_json
    from minicnn.identities.comparison import count
    from minicnn.identities.examples import EXAMPLES, Example

    examples: Sequence[Example] = EXAMPLES
    if kernel is not None:
        in_size = sizes("size", size)
        for name in {"stride", "dilation", "stretch"} & set(options):
            options[name] = each(name, options[name], len(in_size))
        options["padding"] = padding(options["padding"], len(in_size))
        kernel_size = each("kernel", kernel, len(in_size))
        examples = [Example(in_size, kernel_size, channels_in, channels_out, options, seed)]
        _ = examples[0].map
    found = run_live(console, examples)
    comparisons = [c for by_name in found.values() for own in by_name.values() for c in own if not c.left_out]
    console.print(f"{count(comparisons)} identities hold.")
    return comparisons, to_json(found)
