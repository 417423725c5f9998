"""`minicnn evaluate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from minicnn.cli.app import app, check_written, console, save_figure, write_json
from minicnn.cli.waiting import waiting
from minicnn.run_folder import check_finished


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    split: Annotated[str, typer.Option(help="test or train.")] = "test",
    data_dir: Annotated[Path | None, typer.Option(help="Where the data set is, if no longer where it was.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the confusion matrix into this file.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result to this file.")] = None,
) -> None:
    """Read the images of a trained RUN's data set, and count which class is taken for which."""
    if split not in ("test", "train"):
        raise ValueError(f"`split`={split!r} must be test or train")
    check_finished(run)
    check_written(json_file)
    if picture is not None:
        from minicnn.draw.saving import check_still

        check_still(picture)
    import numpy as np
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from minicnn.train import Run
    from minicnn.train.trained import Trained

    waiting.doing("reading the images")
    trained = Trained.of(Run.open(run), data_dir)
    counts, classes = trained.counts(getattr(trained.data, split)), trained.data.classes
    grid = Table("class", "images", "right, %", "mostly taken for", box=SIMPLE_HEAD, show_edge=False)
    for own, (name, row) in enumerate(zip(classes, counts, strict=True)):
        wrong = np.where(np.arange(len(row)) == own, 0, row)
        rival = f"{classes[wrong.argmax()]} ({wrong.max()})" if wrong.max() else "–"
        grid.add_row(name, f"{row.sum():,}", f"{100 * row[own] / max(row.sum(), 1):.2f}", rival)
    right, total = int(np.trace(counts)), int(counts.sum())
    console.print(grid)
    console.print(
        f"{split} accuracy [bold]{100 * right / max(total, 1):.2f} %[/]: {total - right:,} of {total:,} images of "
        f"{trained.data.name} are taken for another class.",
        highlight=False,
    )
    if picture is not None:
        _draw(counts, classes, picture)
    found = {"split": split, "accuracy": right / max(total, 1), "classes": classes, "counts": counts.tolist()}
    write_json(json_file, found)


def _draw(counts: Any, classes: tuple[str, ...], picture: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from minicnn import draw

    save_figure(draw.confusion(counts, classes=classes).figure, picture)
