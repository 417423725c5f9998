"""`minicnn predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.app import app, check_written, console, error_line
from minicnn.cli.unused import refuse
from minicnn.cli.waiting import waiting
from minicnn.run_folder import check_finished

if TYPE_CHECKING:
    import numpy as np

    from minicnn.data import Reading, Style
    from minicnn.train.trained import Trained

# Pixels of the saved picture for one of the network, and between images.
_ZOOM = 8
_GAP = 8


@app.command()
def predict(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    pictures: Annotated[
        list[Path], typer.Argument(help="Picture files of any size, in grey or colour.", readable=False)
    ],
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set is, if no longer where it was.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw what the network saw, side by side, into this PNG.")
    ] = None,
    save: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Read PICTURES with a trained RUN; say what each was taken for, how surely, and what was done to it first.

    A picture with several figures has a line for each of them; figures that touch are not separated, only suspected.
    One that cannot be read has a line that says why; the others are read all the same, and the exit status is 2.
    """
    if picture:
        refuse(context, ["save"], "beside --picture, its newer spelling: leave one of them out")
    drawn = picture or save
    if drawn and drawn.suffix.lower() != ".png":
        raise ValueError(f"`picture`='{drawn}' must end in .png")
    check_finished(run)
    check_written(drawn)
    present = _present(pictures)
    if present:
        _predict(run, data_dir, present, drawn)
    if len(present) < len(pictures):
        raise typer.Exit(2)


def _present(pictures: Sequence[Path]) -> list[Path]:
    """The files that there are; each of the others has its line before anything is loaded."""
    present = []
    for path in pictures:
        try:
            path.stat()
            present.append(path)
        except OSError as error:
            error_line(OSError(f"{path} cannot be read: {error.strerror}"))
    return present


def _predict(run: Path, data_dir: Path | None, pictures: Sequence[Path], drawn: Path | None) -> None:
    from minicnn.data import Style
    from minicnn.train import Run
    from minicnn.train.trained import Trained

    waiting.doing("reading the pictures")
    trained = Trained.of(Run.open(run), data_dir)
    style = Style.of(trained.data)
    named, failed = _readings(pictures, style)
    if named:
        _say(trained, named)
    if named and drawn:
        _save(drawn, [reading for _, reading in named], style)
    if failed:
        raise typer.Exit(2)


def _readings(pictures: Sequence[Path], style: "Style") -> tuple[list[tuple[str, "Reading"]], bool]:
    """Return what was read, with names, and whether a picture could not be."""
    from minicnn.data import read_picture

    named, failed = [], False
    for path in pictures:
        try:
            found = read_picture(path, style)
        except (ValueError, OSError) as error:
            error_line(error)
            failed = True
        else:
            names = [f", figure {n} of {len(found)}" for n in range(1, len(found) + 1)] if len(found) > 1 else [""]
            named += [(f"{path}{name}", reading) for name, reading in zip(names, found, strict=True)]
    return named, failed


def _say(trained: "Trained", named: Sequence[tuple[str, "Reading"]]) -> None:
    import numpy as np
    from rich.markup import escape

    outputs = trained.outputs(np.stack([reading.image for _, reading in named]))
    labels, chances = np.asarray(trained.recipe.read(outputs)), trained.probabilities(outputs)
    for (name, reading), label, chance in zip(named, labels, chances, strict=True):
        second = int(np.where(np.arange(len(chance)) == label, -1, chance).argmax())
        console.print(
            f"{escape(name)}: [bold]{trained.data.classes[label]}[/] ({100 * chance[label]:.1f} %), "
            f"then {trained.data.classes[second]} ({100 * chance[second]:.1f} %); "
            f"{escape(', '.join(reading.done) or 'taken as it is')}",
            highlight=False,
            soft_wrap=True,
        )


def _save(path: Path, readings: Sequence["Reading"], style: "Style") -> None:
    """Write the images as the network had them, enlarged, in one row."""
    import io

    import numpy as np
    from PIL import Image

    from minicnn.disk import write_whole

    low, high = style.pixels
    frames = [_enlarged(np.clip((reading.image - low) / (high - low), 0, 1)) for reading in readings]
    row = np.concatenate(frames, axis=1)[:, :-_GAP]
    content = io.BytesIO()
    Image.fromarray(row[..., 0] if row.shape[-1] == 1 else row).save(content, "PNG")
    write_whole(path, content.getvalue())


def _enlarged(image: "np.ndarray") -> "np.ndarray":
    import numpy as np

    large = np.uint8(image * 255 + 0.5).repeat(_ZOOM, 0).repeat(_ZOOM, 1)
    return np.pad(large, ((0, 0), (0, _GAP), (0, 0)), constant_values=128)
