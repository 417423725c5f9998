"""`minicnn predict`."""

from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import app, console, one_line_errors


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    pictures: Annotated[list[Path], typer.Argument(help="Picture files of any size, in grey or colour.")],
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set is, if no longer where it was.")] = None,
) -> None:
    """Read PICTURES with a trained RUN; say what each was taken for, how surely, and what was done to it first."""
    with one_line_errors():
        import numpy as np
        from rich.markup import escape

        from minicnn.train import Run
        from minicnn.train.reading import read_picture
        from minicnn.train.trained import Trained

        trained = Trained.of(Run.open(run), data_dir)
        readings = [read_picture(path, trained.data) for path in pictures]
        outputs = trained.outputs(np.stack([reading.image for reading in readings]))
        labels, chances = np.asarray(trained.recipe.read(outputs)), trained.probabilities(outputs)
        for path, reading, label, chance in zip(pictures, readings, labels, chances, strict=True):
            second = int(np.where(np.arange(len(chance)) == label, -1, chance).argmax())
            console.print(
                f"{escape(str(path))}: [bold]{trained.data.classes[label]}[/] ({100 * chance[label]:.1f} %), "
                f"then {trained.data.classes[second]} ({100 * chance[second]:.1f} %); "
                f"{', '.join(reading.done) or 'taken as it is'}",
                highlight=False,
                soft_wrap=True,
            )
