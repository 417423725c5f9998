"""The training loop: one jitted step, a record after every epoch, and checkpoints that it can go on from."""

import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Int

from minicnn.data import Dataset, Split
from minicnn.nn import Sequential
from minicnn.train.config import Config
from minicnn.train.flight import Flight, NotFiniteError, Tally
from minicnn.train.interruption import Interrupted, deferred
from minicnn.train.recipes import Recipe, largest, recipe_of
from minicnn.train.runs import Record, Run
from minicnn.train.sharding import is_first, mesh_of
from minicnn.train.snapshot import restore, snapshot
from minicnn.train.step import Plan, State, plan_of, total_steps

Params = Any

__all__ = ["Moment", "Record", "accuracy", "fit", "predictor", "total_steps"]


class Moment(NamedTuple):
    """Where a run is after a step; loss and accuracy are of the newest step known to have ended, NaN before."""

    step: int
    steps: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Listener:
    """Who is told what while a run goes on."""

    on_step: Callable[[Moment], None] = lambda moment: None
    on_epoch: Callable[[Record], None] = lambda record: None
    warn: Callable[[str], None] = warnings.warn


def fit(
    model: Sequential,
    data: Dataset,
    config: Config,
    *,
    run: Run | None = None,
    mesh: Mesh | None = None,
    recipe: Recipe | None = None,
    checkpoint_every: int = 0,
    on_step: Callable[[Moment], None] = lambda moment: None,
    on_epoch: Callable[[Record], None] = lambda record: None,
    warn: Callable[[str], None] = warnings.warn,
) -> Params:
    """Train a model and return its parameters.

    With a run, metrics and checkpoints go to its folder, and training goes on from the newest checkpoint if there is
    one: a run that was killed ends with the parameters, to the last bit, that it would have had.

    Args:
        model: the network.
        data: what it learns from and is tested on.
        config: everything that decides the numbers.
        run: where metrics and checkpoints go; nothing is written if None.
        mesh: devices that share every batch; one device if None.
        recipe: loss and reading of the outputs; those of `config.model` if None.
        checkpoint_every: steps between checkpoints; one after every epoch if 0.
        on_step: called after every step.
        on_epoch: called after every epoch with its record.
        warn: called with what a person should know.

    Raises:
        ValueError: if a batch is larger than the training set or not shared evenly by the devices, or if the run's
            checkpoint is of another config, network or data set.
        FloatingPointError: if the loss is no longer finite, naming the step; the last good state is kept.
        Interrupted: if SIGINT or SIGTERM came while a run was written; a checkpoint is saved.
        OSError: if the run's folder cannot be written.
    """
    plan = plan_of(model, data, config, recipe or recipe_of(config.model), mesh or mesh_of(1))
    return train(plan, Listener(on_step, on_epoch, warn), run, checkpoint_every)


def train(plan: Plan, listener: Listener, run: Run | None = None, checkpoint_every: int = 0) -> Params:
    """Carry out a plan; see `fit`."""
    with ExitStack() as stack:
        stopped = lambda: 0
        if run is not None:
            stack.enter_context(run.lock())
            stopped = stack.enter_context(deferred())
        state, tally = restore(plan, run, listener.warn) if run is not None else (plan.initial(), Tally())
        begun = time.perf_counter() - tally.seconds
        flight = Flight(state, tally)
        try:
            while flight.step < plan.steps:
                state = _advance(plan, flight, state)
                listener.on_step(Moment(flight.step, plan.steps, flight.loss, flight.accuracy))
                at_end = flight.step % plan.epoch == 0
                signum = stopped()
                if signum or at_end or (checkpoint_every and flight.step % checkpoint_every == 0):
                    flight.land()
                    flight.elapsed(time.perf_counter() - begun)
                    if at_end:
                        _end_epoch(plan, flight, state, listener, run)
                    _save(plan, state, flight.tally, run)
                if run is not None and signum:
                    raise Interrupted(flight.step, plan.steps, signum, run.folder, saved=is_first())
        except NotFiniteError as error:
            _keep_good(plan, flight, run, error)
    return jax.tree.map(lambda leaf: jax.numpy.asarray(np.asarray(leaf)), state.params)


def predictor(
    model: Sequential, read: Callable[[Any], Int[Array, "*batch"]] = largest
) -> Callable[[Params, Any], Int[Array, " n"]]:
    """The jitted function from parameters and images to labels, which `read` takes from the outputs."""
    return jax.jit(lambda params, images: read(model.apply(params, images)))


def accuracy(predict: Callable[[Params, Any], Int[Array, " n"]], params: Params, split: Split) -> float:
    """The fraction of images that get their own label."""
    right = sum(int((np.asarray(predict(params, part.images)) == part.labels).sum()) for part in split.batches(500))
    return right / len(split)


def _advance(plan: Plan, flight: Flight, state: State) -> State:
    if flight.step % plan.epoch == 0:
        state = plan.before_epoch(state, flight.step)
    after, loss, right = plan.step(state, flight.step)
    flight.launch(state, loss, right, plan.config.batch)
    return after


def _end_epoch(plan: Plan, flight: Flight, state: State, listener: Listener, run: Run | None) -> None:
    tally = flight.tally
    record = Record(
        epoch=tally.step // plan.epoch,
        step=tally.step,
        loss=tally.loss_sum / plan.epoch,
        train_accuracy=tally.right / (plan.epoch * plan.config.batch),
        test_accuracy=plan.test_accuracy(state.params),
        seconds=tally.seconds,
    )
    if run is not None and is_first():
        run.record(record)
    listener.on_epoch(record)
    flight.begin_epoch()


def _save(plan: Plan, state: State, tally: Tally, run: Run | None) -> None:
    if run is not None and is_first():
        run.checkpoints.save(snapshot(plan, state, tally))


def _keep_good(plan: Plan, flight: Flight, run: Run | None, error: NotFiniteError) -> None:
    kept = ""
    if run is not None and is_first():
        state, tally = flight.good
        run.checkpoints.save(snapshot(plan, state, tally))
        run.checkpoints.discard_after(tally.step)
        kept = f"; {run.folder} keeps the state after step {tally.step}, the last whose loss was finite"
    raise FloatingPointError(f"{error}{kept}: lower the learning rate") from error
