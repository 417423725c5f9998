"""A stage written to a file: a still, or an animation that steps through the outputs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minicnn.draw.stage import Stage

_MOST = 400  # outputs that an animation can step through
_HELD = 3  # how many times as long the last picture is held


def save_still(stage: Stage, path: Path, dpi: int = 150) -> Path:
    """Write the picture at rest, in any format that matplotlib knows.

    Raises:
        ValueError: if the suffix is no such format.
    """
    stage.show(None)
    known = stage.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise ValueError(f"{path.name}: a still is one of {', '.join(sorted(known))}")
    stage.figure.savefig(path, dpi=dpi)
    return path


def save_animation(stage: Stage, path: Path, rate: float = 2.0) -> Path:
    """Write the outputs one after the other.

    Args:
        stage: what is written.
        path: ends in .gif, .mp4 or .html.
        rate: pictures per second.

    Raises:
        ValueError: for another suffix, or more outputs than anyone would watch.
        FileNotFoundError: if the suffix is .mp4 and there is no ffmpeg.
    """
    outputs = len(stage.walk.C)
    if path.suffix.lower() not in _WRITERS:
        raise ValueError(f"{path.name}: an animation is one of {', '.join(_WRITERS)}")
    if outputs > _MOST:
        raise ValueError(f"{path.name} would step through {outputs:,} outputs: at most {_MOST}, so use a smaller input")
    _WRITERS[path.suffix.lower()](stage, path, rate)
    return path


def _gif(stage: Stage, path: Path, rate: float) -> None:
    from PIL import Image

    outputs = len(stage.walk.C)
    # One palette for all pictures, so that only what changes is stored.
    probes = [Image.fromarray(frame) for frame in stage.frames({0, outputs // 2, outputs - 1})]
    sheet = Image.new("RGB", (probes[0].width, sum(probe.height for probe in probes)))
    for n, probe in enumerate(probes):
        sheet.paste(probe, (0, n * probe.height))
    palette = sheet.quantize(255, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    first, *rest = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in stage.frames()
    )
    step = round(1000 / rate)
    durations = [step] * len(rest) + [_HELD * step]
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0)


def _mp4(stage: Stage, path: Path, rate: float) -> None:
    if shutil.which("ffmpeg") is None:
        raise FileNotFoundError(f"{path.name} needs ffmpeg, which is not installed: write a .gif or a .html instead")
    _animation(stage).save(path, writer="ffmpeg", fps=rate)


def _html(stage: Stage, path: Path, rate: float) -> None:
    from matplotlib import rc_context

    with rc_context({"animation.embed_limit": 2**10}):
        player = _animation(stage).to_jshtml(fps=rate)
    head = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{stage.walk.title}</title></head>'
    path.write_text(f"{head}<body>{player}</body></html>\n")


def _animation(stage: Stage) -> Any:
    from matplotlib.animation import FuncAnimation

    return FuncAnimation(stage.figure, lambda n: (stage.show(n), ())[1], frames=len(stage.walk.C))


_WRITERS: dict[str, Callable[[Stage, Path, float], None]] = {".gif": _gif, ".mp4": _mp4, ".html": _html}
