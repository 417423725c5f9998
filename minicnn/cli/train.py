"""`minicnn demo` and `minicnn train`."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from minicnn.cli.app import SEED, Seed, app, conclude, console, one_line_errors
from minicnn.cli.progress import display
from minicnn.cli.unused import refuse
from minicnn.cli.waiting import waiting
from minicnn.run_folder import check_begun

Name = Annotated[str, typer.Option(help="Name of the run's folder; a number is added if it exists.")]
RunsDir = Annotated[Path, typer.Option(help="Where the folders of runs are.")]
Epochs = Annotated[int, typer.Option(help="Passes over the training images.")]

# What decides something only where another choice is one of these.
_DECIDING = (
    ("momentum", "optimizer", ("sgd",)),
    ("weight_decay", "optimizer", ("adamw",)),
    ("reach", "augment", ("shift", "distort")),
)


@app.command()
def demo(name: Name = "demo", runs_dir: RunsDir = Path("runs"), seed: Seed = 0, epochs: Epochs = 30) -> None:
    """Train LeNet-5 on real handwritten digits, then prove on it that the vjp is multiplication by Cᵀ."""
    _train({"seed": seed, "epochs": epochs}, {"name": name, "runs_dir": runs_dir})


@app.command()
def train(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option(help="lenet5 if not given, lenet5-1998, lenet4, lenet1 or cifarnet.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="digits if not given, mnist, qmnist, emnist, fashion or cifar10.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the files of the data set are looked for first.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images per step.")] = None,
    seed: Annotated[int | None, SEED] = None,
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
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints; 0 is an epoch.")] = 0,
    devices: Annotated[int | None, typer.Option(help="Devices of each process that share every batch.")] = None,
    coordinator: Annotated[str | None, typer.Option(help="Of several processes: HOST:PORT of process 0.")] = None,
    processes: Annotated[int, typer.Option(help="Of several processes: how many there are.")] = 1,
    process: Annotated[int, typer.Option(help="Of several processes: which one this is, from 0.")] = 0,
) -> None:
    """Train a network and write a folder with its metrics, checkpoints, parameters, pictures and report.

    What is not given is the network's own default. Ctrl-C saves a checkpoint; --resume goes on from the newest.
    """
    if resume is not None:
        refuse(context, ["name", "runs_dir"], "beside --resume: the run stays in its folder; leave that out")
        check_begun(resume)
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
    launch = {
        "name": name,
        "runs_dir": runs_dir,
        "data_dir": data_dir,
        "resume": resume,
        "checkpoint_every": checkpoint_every,
        "devices": devices,
        "coordinator": coordinator,
        "processes": processes,
        "process": process,
    }
    _train({key: value for key, value in fields.items() if value is not None}, launch)


def _train(given: dict[str, Any], launch: dict[str, Any]) -> None:
    from minicnn.train.launch import Launch
    from minicnn.train.signals import raising

    with raising():
        reports = _carry_out(given, Launch(**launch))
    if reports:
        conclude(check for report in reports for check in report.checks)


def _carry_out(given: dict[str, Any], launch: Any) -> Sequence[Any]:
    """Train and finish; in any but the first process there is nothing to finish."""
    from minicnn.train.devices import connected, join

    with _at_once(launch), one_line_errors(), connected():
        begun = time.perf_counter()
        if launch.coordinator is not None:
            join(launch.coordinator, launch.processes, launch.process)
        run, plan = _begin(given, launch)
        aside = time.perf_counter() - begun
        params = _fit(run, plan, launch)
        with _resumable(run, plan.steps):
            return _finish(run, plan, params, aside)


def _begin(given: dict[str, Any], launch: Any) -> tuple[Any, Any]:
    """The run and its plan; nothing is written before the plan stands."""
    from minicnn.train import Run, mesh_of
    from minicnn.train.devices import is_first, json_from_first
    from minicnn.train.plan import plan_by_name

    config, data_dir = _config(given, launch)
    every = 1 if launch.coordinator is None else None
    plan = plan_by_name(config, data_dir, mesh_of(every if launch.devices is None else launch.devices))
    run = None
    if is_first():
        run = Run.reopen(launch.resume) if launch.resume else Run.create(launch.runs_dir, launch.name, config, data_dir)
    return Run(Path(json_from_first(run and str(run.folder)))), plan


def _fit(run: Any, plan: Any, launch: Any) -> Any:
    """Train, showing how it goes, and return the parameters."""
    from minicnn.train.devices import is_first
    from minicnn.train.loop import Listener, train

    with display(console if is_first() else Console(quiet=True), plan.config) as shown:
        return train(plan, Listener(shown.on_step, shown.on_epoch, shown.warn), run, launch.checkpoint_every)


def _config(given: dict[str, Any], launch: Any) -> tuple[Any, Path | None]:
    """The config and the data's folder: as given, or of the run to resume, with which what is given must agree."""
    from minicnn.data.registry import check_used
    from minicnn.train import Config, Run, config_of
    from minicnn.train.devices import is_first, json_from_first

    if launch.resume is None:
        config = config_of(**given)
        _check_used(given, config)
        check_used(config.data, launch.data_dir)
        return config, launch.data_dir
    opened = Run.reopen(launch.resume) if is_first() else None
    fields, folder = json_from_first(opened and [opened.config.to_json(), opened.data_dir and str(opened.data_dir)])
    config = Config.from_json(fields)
    check_used(config.data, launch.data_dir)
    other = [
        f"`{name}`={value} ({getattr(config, name)})"
        for name, value in given.items()
        if name != "epochs" and getattr(config, name) != value
    ]
    if other:
        raise ValueError(f"{launch.resume} has another config: {', '.join(other)}: leave that out, or start a new run")
    return replace(config, epochs=given.get("epochs", config.epochs)), launch.data_dir or (folder and Path(folder))


def _check_used(given: dict[str, Any], config: Any) -> None:
    """Refuse what would decide nothing, beside what else was given or is the network's own default."""
    from minicnn.arguments import look_up
    from minicnn.train.augmentations import AUGMENTATIONS
    from minicnn.train.optimizers import OPTIMIZERS

    tables = {"optimizer": OPTIMIZERS, "augment": AUGMENTATIONS}
    for name, chosen, by in _DECIDING:
        choice = getattr(config, chosen)
        look_up(chosen, choice, tables[chosen])
        if name in given and choice not in by:
            raise ValueError(
                f"`{name}`={given[name]} would do nothing with `{chosen}`={choice}: leave it out, or give "
                f"--{chosen} {' or '.join(by)}"
            )


def _finish(run: Any, plan: Any, params: Any, aside: float) -> Sequence[Any]:
    """Write parameters, proofs, pictures and report, in the first process; return the proofs.

    Args:
        run: the run.
        plan: what it carried out.
        params: the parameters at its end.
        aside: seconds that went by before training.
    """
    from minicnn.train import report
    from minicnn.train.devices import is_first
    from minicnn.train.recipes import recipe_of
    from minicnn.train.trained import Trained
    from minicnn.zoo import proof

    if not is_first():
        return ()
    begun = time.perf_counter()
    run.save_params(params)
    trained, test = Trained(plan.model, params, plan.data, recipe_of(plan.config.model)), plan.data.test
    waiting.doing("checking every layer")
    reports = proof.check_network(plan.model, params, test.images[0], int(test.labels[0]), trained.recipe.loss)
    waiting.doing("drawing")
    pictures = report.save_pictures(run, trained)
    last = run.record_of(plan.steps)
    # Training may have taken several processes, and its seconds are those of all of them.
    seconds = aside + last.seconds + time.perf_counter() - begun
    report.write_report(run, reports, pictures, seconds)
    console.print(report.table(reports))
    console.print(
        f"Test accuracy [bold]{100 * last.test_accuracy:.2f} %[/] on {len(test)} images of {plan.data.name}; "
        f"training took {last.seconds:.1f} s, everything {seconds:.1f} s. See {escape(str(run.folder / 'report.md'))}.",
        soft_wrap=True,
    )
    return reports


@contextmanager
def _resumable(run: Any, steps: int) -> Iterator[None]:
    """What is stopped after the last step can be done again from its checkpoint."""
    from minicnn.train.signals import Interrupted

    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(steps, steps, getattr(stop, "signum", signal.SIGINT), run.folder, saved=True) from stop


@contextmanager
def _at_once(launch: Any) -> Iterator[None]:
    """One of several processes that fails is gone at once: in order, it would wait in vain for the others to end."""
    try:
        yield
    except typer.Exit as end:
        if launch.coordinator is None:
            raise
        waiting.stop()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.exit_code)
