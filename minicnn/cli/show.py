"""`minicnn show`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from minicnn.cli.app import Seed, app, console
from minicnn.cli.parsing import each, numbers, padding, rank_of
from minicnn.cli.unused import refuse
from minicnn.forms.tables import MODES


@app.command()
def show(
    context: typer.Context,
    in_size: Annotated[str, typer.Option("--input", help="Size of the input: 5, or 5x7.")] = "5",
    kernel: Annotated[str, typer.Option(help="Taps: 3 for every axis, or 3x2.")] = "3",
    stride: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    pad: Annotated[str, typer.Option("--padding", help="1, low:high such as 1:2, 1x0:2 for two axes, or SAME.")] = "0",
    padding_mode: Annotated[str, typer.Option(help=f"One of {', '.join(MODES)}.")] = "zeros",
    dilation: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    stretch: Annotated[str, typer.Option(help="2 puts a zero between neighbouring inputs.")] = "1",
    transpose: Annotated[bool, typer.Option("--transpose", help="Cᵀ: the transposed convolution.")] = False,
    output_padding: Annotated[str, typer.Option(help="Of a transposed convolution: positions to add.")] = "0",
    channels: Annotated[str, typer.Option(help="Of input and output: 2, or 2x4.")] = "1",
    groups: Annotated[int, typer.Option(help="Blocks of channels.")] = 1,
    flip: Annotated[bool, typer.Option("--flip", help="Reverse the kernel: true convolution.")] = False,
    dims: Annotated[int | None, typer.Option(help="Axes, where the sizes do not say: 1 or 2.")] = None,
    taps: Annotated[str | None, typer.Option(help="The kernel's values, such as 1,0,-1; 1, 2, 3, … if absent.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw it into this file: .png, .svg, .pdf.")] = None,
    still: Annotated[Path | None, typer.Option(hidden=True)] = None,
    animation: Annotated[
        Path | None, typer.Option(help="Also animate it into this file: .gif, .mp4 (needs ffmpeg) or .html.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Pictures per second of the animation.")] = 2.0,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark in the files.")] = False,
    seed: Seed = 0,
) -> None:
    """Explain one convolution: its size, its matrix C, and what Cᵀ does to a gradient."""
    from minicnn.draw.saving import check_animation, check_outputs, check_still, save_animation, save_still
    from minicnn.draw.style import background
    from minicnn.draw.terminal import explain
    from minicnn.draw.worked_example import worked_conv
    from minicnn.draw.worked_figure import WorkedFigure

    if picture:
        refuse(context, ["still"], "beside --picture, its newer spelling: leave one of them out")
    still = picture or still
    if not animation:
        refuse(context, ["rate"], "without an --animation: give one, too, or leave it out")
    if not (still or animation):
        refuse(context, ["dark"], "without a file: give --picture or --animation, too, or leave it out")
    if still:
        check_still(still)
    if animation:
        check_animation(animation, rate)
    rank = rank_of(dims, in_size, kernel)
    options: dict[str, Any] = {
        "stride": each("stride", stride, rank),
        "padding": padding(pad, rank),
        "padding_mode": padding_mode,
        "dilation": each("dilation", dilation, rank),
        "stretch": each("stretch", stretch, rank),
        "groups": groups,
        "flip": flip,
    }
    c_in, c_out = each("channels", channels, 2)
    example = worked_conv(
        each("input", in_size, rank),
        each("kernel", kernel, rank),
        channels=(c_in, c_out),
        transpose=transpose,
        output_padding=each("output-padding", output_padding, rank),
        w=None if taps is None else numbers("taps", taps),
        seed=seed,
        **options,
    )
    if still or animation:
        example.check_drawable()
    if animation:
        check_outputs(animation, example)
    console.print(explain(example, console.width))
    with background(dark):
        figure = WorkedFigure(example) if still or animation else None
        written = [save_still(figure, still)] if figure and still else []
        written += [save_animation(figure, animation, rate)] if figure and animation else []
    for path in written:
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)
