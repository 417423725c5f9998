"""`minicnn explore`."""

import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from minicnn.arguments import look_up
from minicnn.cli.app import Seed, app, check_written, console
from minicnn.cli.parsing import each, numbers, padding, rank_of
from minicnn.cli.unused import refuse
from minicnn.forms.tables import MODES, check_mode

_KINDS = ("convolution", "max", "average", "lp", "local", "tiled")
_POOLS = ("max", "average", "lp")
_SEEDS = 999_999  # six digits are what the page reads


# What only a convolution has: the page puts it back for other kinds.
_OF_A_CONVOLUTION = ("stretch", "padding_mode", "groups", "flip", "transpose", "output_padding", "taps")


@app.command()
def explore(
    context: typer.Context,
    in_size: Annotated[str, typer.Option("--input", help="Size of the input: 5, or 5x7.")] = "5",
    kernel: Annotated[str, typer.Option(help="Taps, or the window of a pool: 3 for every axis, or 3x2.")] = "3",
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(_KINDS)}.")] = "convolution",
    stride: Annotated[str | None, typer.Option(help="2, or 2x1; of a pool its window if absent.")] = None,
    pad: Annotated[str, typer.Option("--padding", help="1, low:high such as 1:2, 1x0:2 for two axes, or SAME.")] = "0",
    padding_mode: Annotated[str, typer.Option(help=f"One of {', '.join(MODES)}.")] = "zeros",
    dilation: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    stretch: Annotated[str, typer.Option(help="2 puts a zero between neighbouring inputs.")] = "1",
    transpose: Annotated[bool, typer.Option("--transpose", help="Cᵀ: the transposed convolution.")] = False,
    output_padding: Annotated[str, typer.Option(help="Of a transposed convolution: positions to add.")] = "0",
    channels: Annotated[str, typer.Option(help="Of input and output: 2, or 2x3.")] = "1",
    groups: Annotated[int, typer.Option(help="Blocks of channels.")] = 1,
    flip: Annotated[bool, typer.Option("--flip", help="Reverse the kernel: true convolution.")] = False,
    dims: Annotated[int | None, typer.Option(help="Axes, where the sizes do not say: 1 or 2.")] = None,
    taps: Annotated[str | None, typer.Option(help="The kernel's values, such as 1,0,-1; 1, 2, 3, … if absent.")] = None,
    lecture: Annotated[bool, typer.Option("--lecture", help="Large type, for a projector.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where the page goes; a file among the temporary ones if absent.")
    ] = None,
    opened: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
    seed: Seed = 0,
) -> None:
    """Open a page in which C, Cᵀ and the gradient move together: point at anything, play it, type over every number."""
    check_written(out)
    from minicnn.explore import write_page
    from minicnn.explore.document import address

    look_up("kind", kind, dict.fromkeys(_KINDS), "a kind of layer")
    check_mode("padding_mode", padding_mode)
    if kind != "convolution":
        refuse(context, _OF_A_CONVOLUTION, f"for --kind {kind}: leave it out, or take a convolution")
    rank = rank_of(dims, in_size, kernel)
    if rank > 2:
        raise ValueError(f"`input`={in_size} and `kernel`={kernel} have {rank} axes: the explorer shows 1 or 2")
    texts = {"input": in_size, "kernel": kernel, "dilation": dilation, "stretch": stretch, "channels": channels}
    whole = texts | {"output_padding": output_padding} | ({} if stride is None else {"stride": stride})
    given = {name: each(name, text, 2 if name == "channels" else rank) for name, text in whole.items()}
    given |= {"padding": padding(pad, rank), "padding_mode": padding_mode, "groups": groups, "flip": flip}
    _check_limits(given, seed)
    _check_drawn(kind, given | {"transpose": transpose}, None if taps is None else numbers("taps", taps))
    usual = {"dilation": "1", "stretch": "1", "channels": "1", "output_padding": "0"}
    rest = {
        "kind": (kind, "convolution"),
        "dims": (str(rank), "2"),
        "padding": (pad, "0"),
        "padding_mode": (padding_mode, "zeros"),
        "transpose": (str(int(transpose)), "0"),
        "groups": (str(groups), "1"),
        "flip": (str(int(flip)), "0"),
        "w": (taps or "", ""),
        "lecture": (str(int(lecture)), "0"),
        "seed": (str(seed), "0"),
    }
    state = {name: text for name, text in whole.items() if usual.get(name) != text}
    state |= {name: text for name, (text, usually) in rest.items() if text != usually}
    path = write_page(out or Path(tempfile.gettempdir()) / "minicnn-explorer.html", state).resolve()
    console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if opened:
        webbrowser.open(f"{path.as_uri()}#{address(state)}")


def _check_limits(given: dict[str, Any], seed: int) -> None:
    """Refuse numbers that the page would not draw.

    Raises:
        ValueError: naming the option, its value and the limits.
    """
    from minicnn.explore.limits import LIMITS

    rank = len(given["input"])
    words_or_widths = given["padding"] if isinstance(given["padding"], tuple) else ()
    widths = [width for one in words_or_widths for width in (one if isinstance(one, tuple) else (one,))]
    bounds = {
        "input": (1, LIMITS.input[rank - 1]),
        "kernel": (1, LIMITS.kernel[rank - 1]),
        **dict.fromkeys(("stride", "dilation", "stretch"), (1, LIMITS.step)),
        "output_padding": (0, LIMITS.step),
        "channels": (1, LIMITS.channels),
        "padding": (-LIMITS.padding, LIMITS.padding),
        "seed": (0, _SEEDS),
    }
    for name, (least, most) in bounds.items():
        for value in {**given, "padding": widths, "seed": (seed,)}.get(name, ()):
            if not least <= value <= most:
                raise ValueError(f"`{name}`={value} must be from {least} to {most}: the page draws no others")


def _check_drawn(kind: str, given: dict[str, Any], taps: list[float] | None) -> None:
    """Refuse a layer that is none, or too large: its sizes are those of a convolution, whatever its kind.

    Raises:
        ValueError: as `minicnn.conv`, for taps that are not as many as the kernel has, and for a pool with more
            channels on one side than on the other.
    """
    from minicnn.draw.worked_example import worked_conv
    from minicnn.explore.setting import check_size

    options = dict(given)
    if kind in _POOLS:
        channels, outputs = given["channels"]
        if outputs != channels:
            raise ValueError(
                f"`channels`={channels}x{outputs} would do nothing for --kind {kind}, which pools each channel by "
                f"itself: give {channels}"
            )
        options |= {"groups": channels}
        options.setdefault("stride", given["kernel"])
    check_size(worked_conv(options.pop("input"), options.pop("kernel"), w=taps, **options).A)
