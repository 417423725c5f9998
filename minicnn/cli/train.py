"""`minicnn demo` and `minicnn train`."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from minicnn.cli.app import Seed, app, console, exit_by, one_line_errors
from minicnn.cli.progress import display

Name = Annotated[str, typer.Option(help="Name of the run's folder; a number is added if it exists.")]
RunsDir = Annotated[Path, typer.Option(help="Where the folders of runs are.")]
Epochs = Annotated[int, typer.Option(help="Passes over the training images.")]


@dataclass(frozen=True)
class Place:
    """Where a run is written, where its data are, and which devices it has."""

    name: str = "run"
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    resume: Path | None = None
    checkpoint_every: int = 0
    devices: int | None = None
    coordinator: str | None = None
    processes: int = 1
    process: int = 0


@app.command()
def demo(name: Name = "demo", runs_dir: RunsDir = Path("runs"), seed: Seed = 0, epochs: Epochs = 30) -> None:
    """Train LeNet-5 on real handwritten digits, then prove on it that the vjp is multiplication by Cᵀ."""
    _train({"seed": seed, "epochs": epochs}, Place(name, runs_dir))


@app.command()
def train(
    model: Annotated[
        str | None, typer.Option(help="lenet5 if not given, lenet5-1998, lenet4, lenet1 or cifarnet.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="digits if not given, mnist, fashion or cifar10.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the files of the data set are looked for first.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same numbers.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw, adam, sgd or levenberg.")] = None,
    schedule: Annotated[str | None, typer.Option(help="cosine, constant, linear or passes.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the schedule.")] = None,
    momentum: Annotated[float | None, typer.Option(help="Of sgd.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of adamw.")] = None,
    augment: Annotated[
        str | None, typer.Option(help="How training images are changed: shift, distort or none.")
    ] = None,
    reach: Annotated[int | None, typer.Option(help="Of shift and distort: up to this many pixels.")] = None,
    name: Name = "run",
    runs_dir: RunsDir = Path("runs"),
    resume: Annotated[Path | None, typer.Option(help="Go on with this run from its newest checkpoint.")] = None,
    checkpoint_every: Annotated[int, typer.Option(min=0, help="Steps between checkpoints; 0 is an epoch.")] = 0,
    devices: Annotated[int | None, typer.Option(help="Devices of each process that share every batch.")] = None,
    coordinator: Annotated[str | None, typer.Option(help="Of several processes: HOST:PORT of process 0.")] = None,
    processes: Annotated[int, typer.Option(help="Of several processes: how many there are.")] = 1,
    process: Annotated[int, typer.Option(help="Of several processes: which one this is, from 0.")] = 0,
) -> None:
    """Train a network and write a folder with its metrics, checkpoints, parameters, pictures and report.

    What is not given is the network's own default. Ctrl-C saves a checkpoint; --resume goes on from the newest.
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
    place = Place(name, runs_dir, data_dir, resume, checkpoint_every, devices, coordinator, processes, process)
    _train({key: value for key, value in fields.items() if value is not None}, place)


def _train(given: dict[str, Any], place: Place) -> None:
    from minicnn.train.devices import connected

    begun = time.perf_counter()
    with _at_once(place), one_line_errors(), _one_line_interrupts(place), connected():
        run, plan, params = _fit(given, place)
        reports = _finish(run, plan, params, begun) if run is not None else ()
    exit_by(reports)


def _fit(given: dict[str, Any], place: Place) -> tuple[Any, Any, Any]:
    """The run, or None in any but the first process, with its plan and its parameters."""
    from minicnn.data.registry import load_data
    from minicnn.train import Run, join, mesh_of
    from minicnn.train.devices import is_first, json_from_first
    from minicnn.train.loop import Listener, train
    from minicnn.train.plan import plan_of
    from minicnn.train.recipes import recipe_of
    from minicnn.zoo.registry import network

    if place.coordinator is not None:
        join(place.coordinator, place.processes, place.process)
    config, data_dir = _config(given, place)
    every = 1 if place.coordinator is None else None
    mesh = mesh_of(every if place.devices is None else place.devices)
    dataset = load_data(config.data, data_dir)
    plan = plan_of(network(config.model).build(), dataset, config, recipe_of(config.model), mesh)
    run = None
    if is_first():
        run = Run.reopen(place.resume) if place.resume else Run.create(place.runs_dir, place.name, config, data_dir)
    folder = Path(json_from_first(run and str(run.folder)))
    place_console = console if is_first() else Console(quiet=True)
    with display(place_console, config) as shown:
        listener = Listener(shown.on_step, shown.on_epoch, shown.warn)
        params = train(plan, listener, Run(folder), place.checkpoint_every)
    return run, plan, params


def _config(given: dict[str, Any], place: Place) -> tuple[Any, Path | None]:
    """The config and the data's folder: as given, or of the run to resume, with which what is given must agree."""
    from minicnn.train import Config, Run, config_of
    from minicnn.train.devices import is_first, json_from_first

    if place.resume is None:
        return config_of(**given), place.data_dir
    opened = Run.reopen(place.resume) if is_first() else None
    fields, folder = json_from_first(opened and [opened.config.to_json(), opened.data_dir and str(opened.data_dir)])
    config = Config.from_json(fields)
    other = [
        f"`{name}`={value} ({getattr(config, name)})" for name, value in given.items() if getattr(config, name) != value
    ]
    if other:
        raise ValueError(f"{place.resume} has another config: {', '.join(other)}: leave that out, or start a new run")
    return config, place.data_dir or (folder and Path(folder))


def _finish(run: Any, plan: Any, params: Any, begun: float) -> Any:
    """Parameters, proofs, pictures and report."""
    from minicnn.train import report
    from minicnn.train.recipes import recipe_of
    from minicnn.train.trained import Trained
    from minicnn.zoo import proof

    run.save_params(params)
    trained, test = Trained(plan.model, params, plan.data, recipe_of(plan.config.model)), plan.data.test
    reports = proof.check_network(plan.model, params, test.images[0], int(test.labels[0]), trained.recipe.loss)
    pictures = report.save_pictures(run, trained)
    seconds, last = time.perf_counter() - begun, run.records()[-1]
    report.write_report(run, reports, pictures, seconds)
    console.print(report.table(reports))
    console.print(
        f"Test accuracy [bold]{100 * last.test_accuracy:.2f} %[/] on {len(test)} images of {plan.data.name}; "
        f"training took {last.seconds:.1f} s, everything {seconds:.1f} s. See {escape(str(run.folder / 'report.md'))}.",
        soft_wrap=True,
    )
    return reports


@contextmanager
def _at_once(place: Place) -> Iterator[None]:
    """One of several processes that fails is gone at once: in order, it would wait in vain for the others to end."""
    try:
        yield
    except typer.Exit as end:
        if place.coordinator is None:
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.exit_code)


@contextmanager
def _one_line_interrupts(place: Place) -> Iterator[None]:
    """Ctrl-C is one line and the exit status that shells expect."""
    from minicnn.train.signals import Interrupted

    try:
        yield
    except KeyboardInterrupt as stop:
        saved = isinstance(stop, Interrupted)
        line = f"{stop}: go on with `minicnn train --resume {stop.folder}`" if saved else "stopped"
        Console(stderr=True).print(escape(line), highlight=False, soft_wrap=True)
        raise typer.Exit(128 + stop.signum if saved else 130) from stop
