"""A stage written to a file: a still, or an animation that steps through the outputs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from minicnn.draw.stage import Stage

_MOST = 400  # outputs that an animation can step through
_PROBES = 6  # pictures whose colours make the palette
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
    probes = np.stack([frame[::2, ::2] for frame in stage.frames(range(0, outputs, max(outputs // _PROBES, 1)))])
    # One palette for all pictures, so that only what changes is stored.
    palette, nearest = commonest(probes)
    pictures = []
    for frame in stage.frames():
        picture = Image.fromarray(nearest[_box(frame)])
        picture.putpalette(palette.tobytes())
        pictures.append(picture)
    first, *rest = pictures
    step = round(1000 / rate)
    durations = [step] * len(rest) + [_HELD * step]
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0)


def commonest(
    pictures: UInt8[np.ndarray, "n h w 3"], number: int = 256
) -> tuple[UInt8[np.ndarray, "k 3"], UInt8[np.ndarray, " boxes"]]:
    """The commonest colours, and for each box of 8×8×8 neighbouring colours the nearest of them.

    At most one colour is taken from a box, so that the large areas keep theirs exactly.

    >>> palette, nearest = commonest(np.array([[[[255, 255, 255], [255, 255, 255], [9, 0, 0]]]], np.uint8))
    >>> palette.tolist(), nearest[[0, 32767]].tolist()
    ([[255, 255, 255], [9, 0, 0]], [1, 0])
    """
    flat = pictures.reshape(-1, 3).astype(np.int32)
    colors, counts = np.unique(flat @ np.array([65536, 256, 1]), return_counts=True)
    colors = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1)[np.argsort(-counts, kind="stable")]
    _, first = np.unique(_box(colors), return_index=True)
    palette = colors[np.sort(first)[:number]]
    levels = np.arange(4, 256, 8)
    centres = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    square = (centres**2).sum(1)[:, None] - 2 * centres @ palette.T + (palette**2).sum(1)
    nearest = square.argmin(1)
    nearest[_box(palette)] = np.arange(len(palette))
    return palette.astype(np.uint8), nearest.astype(np.uint8)


def _box(colors: UInt8[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n"]:
    r, g, b = np.moveaxis(colors.astype(np.int32) >> 3, -1, 0)
    return r << 10 | g << 5 | b


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
