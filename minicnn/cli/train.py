"""`minicnn demo` and `minicnn train`."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from minicnn.cli.app import Seed, app, console, exit_by, one_line_errors

Name = Annotated[str, typer.Option(help="Name of the run's folder; a number is added if it exists.")]
RunsDir = Annotated[Path, typer.Option(help="Where the folders of runs are.")]
Epochs = Annotated[int, typer.Option(help="Passes over the training images.")]


@app.command()
def demo(name: Name = "demo", runs_dir: RunsDir = Path("runs"), seed: Seed = 0, epochs: Epochs = 30) -> None:
    """Train LeNet-5 on real handwritten digits, then prove on it that the vjp is multiplication by Cᵀ."""
    _train({"seed": seed, "epochs": epochs}, name, runs_dir, None)


@app.command()
def train(
    model: Annotated[str, typer.Option(help="The network.")] = "lenet5",
    data: Annotated[str, typer.Option(help="The data set.")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="Where the files of the data set are looked for first.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same numbers.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, sgd, adam, …")] = None,
    schedule: Annotated[str | None, typer.Option(help="cosine, constant, linear, passes, …")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the schedule.")] = None,
    momentum: Annotated[float | None, typer.Option(help="Of sgd.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of adamw.")] = None,
    augment: Annotated[str | None, typer.Option(help="How training images are changed: shift, none, …")] = None,
    reach: Annotated[int | None, typer.Option(help="Of shift: up to this many pixels.")] = None,
    name: Name = "run",
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Train a network and write a folder with its metrics, parameters, pictures and report.

    What is not given is the network's own default.
    """
    fields = {
        "model": model,
        "data": data,
        "epochs": epochs,
        "batch": batch,
        "seed": seed,
        "optimizer": optimizer,
        "schedule": schedule,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "augment": augment,
        "reach": reach,
    }
    _train({key: value for key, value in fields.items() if value is not None}, name, runs_dir, data_dir)


def _train(given: dict[str, Any], name: str, runs_dir: Path, data_dir: Path | None) -> None:
    begun = time.perf_counter()
    from minicnn.train import Run, fit, total_steps
    from minicnn.train.catalogue import load_data, load_model
    from minicnn.train.proof import check_network
    from minicnn.train.recipes import config_of
    from minicnn.train.report import save_pictures, table, write_report

    with one_line_errors():
        config = config_of(**given)
        network, dataset = load_model(config.model), load_data(config.data, data_dir)
        total_steps(dataset, config)
        run = Run.create(runs_dir, name, config)
        with _progress() as (on_step, on_epoch):

            def record(entry: Any) -> None:
                run.record(entry)
                on_epoch(entry)

            params = fit(network, dataset, config, on_step=on_step, on_epoch=record)
        run.save_params(params)
        image, label = dataset.test.images[0], int(dataset.test.labels[0])
        reports = check_network(network, params, image, label)
        pictures = save_pictures(run, network, params, image)
        last = run.records()[-1]
        seconds = time.perf_counter() - begun
        write_report(run, reports, pictures, seconds)
    console.print(table(reports))
    console.print(
        f"Test accuracy [bold]{100 * last.test_accuracy:.2f} %[/] on {len(dataset.test)} images of {config.data}; "
        f"training took {last.seconds:.1f} s, everything {seconds:.1f} s. See {run.folder / 'report.md'}."
    )
    exit_by(reports)


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int, int], None], Callable[[Any], None]]]:
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]} test {task.fields[test]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=None, loss="–", test="–")
        yield (
            lambda step, steps: bar.update(task, completed=step, total=steps),
            lambda record: bar.update(task, loss=f"{record.loss:.4f}", test=f"{100 * record.test_accuracy:.1f} %"),
        )
