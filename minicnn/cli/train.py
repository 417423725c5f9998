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
    train(name=name, runs_dir=runs_dir, seed=seed, epochs=epochs)


@app.command()
def train(
    model: Annotated[str, typer.Option(help="The network.")] = "lenet5",
    data: Annotated[str, typer.Option(help="The data set.")] = "digits",
    epochs: Epochs = 30,
    batch: Annotated[int, typer.Option(help="Images per step.")] = 64,
    seed: Seed = 0,
    learning_rate: Annotated[float, typer.Option(help="Peak of the schedule.")] = 3e-3,
    reach: Annotated[int, typer.Option(help="Training images are shifted by up to this many pixels.")] = 2,
    name: Name = "run",
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Train a network and write a folder with its metrics, parameters, pictures and report."""
    begun = time.perf_counter()
    from minicnn.train import Config, Run, fit, total_steps
    from minicnn.train.catalogue import load_data, load_model
    from minicnn.train.proof import check_network
    from minicnn.train.report import save_pictures, table, write_report

    with one_line_errors():
        config = Config(
            model=model, data=data, epochs=epochs, batch=batch, seed=seed, learning_rate=learning_rate, reach=reach
        )
        network, dataset = load_model(config.model), load_data(config.data)
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
