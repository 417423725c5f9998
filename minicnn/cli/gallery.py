"""`minicnn gallery`."""

from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import app, conclude, console


@app.command()
def gallery(
    folder: Annotated[Path, typer.Argument(help="Where the animations and the index page go.")] = Path("gallery"),
    only: Annotated[list[str] | None, typer.Option(help="Make this one; give it again for more.")] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    suffix: Annotated[str, typer.Option("--format", help="gif, html or mp4 (needs ffmpeg).")] = "gif",
    rate: Annotated[float, typer.Option(help="Pictures per second.")] = 2.0,
) -> None:
    """Animate the convolution-arithmetic guide with C, Cᵀ and gradient beside each, and check its numbers."""
    from rich.progress import track

    from minicnn.draw.gallery import chosen, make, write_index
    from minicnn.draw.saving import check_animation
    from minicnn.draw.style import background

    with background(dark):
        check_animation(Path(f"gallery.{suffix}"), rate)
        folder.mkdir(parents=True, exist_ok=True)
        found = [
            make(published, folder, f".{suffix}", rate)
            for published in track(chosen(only or ()), "animations", console=console)
        ]
        page = write_index(found, folder)
    console.print(f"wrote {page}", highlight=False, soft_wrap=True)
    conclude((check for exhibit in found for check in exhibit.checks), "published numbers agree")
