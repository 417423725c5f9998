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

from minicnn.data import Dataset
from minicnn.nn import Sequential
from minicnn.train.checkpoints import not_finite
from minicnn.train.config import Config
from minicnn.train.devices import is_first, mesh_of
from minicnn.train.pending import NotFiniteError, Pending, Tally
from minicnn.train.plan import Plan, State, plan_of
from minicnn.train.recipes import Recipe, recipe_of
from minicnn.train.resuming import restore, snapshot
from minicnn.train.runs import Record, Run
from minicnn.train.signals import Interrupted, deferred

Params = Any


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
        FloatingPointError: if the loss or a parameter is no longer finite, naming the step; the last good state is
            kept.
        Interrupted: if SIGINT or SIGTERM came while a run was written; a checkpoint is saved.
        OSError: if the run's folder cannot be written.
    """
    plan = plan_of(model, data, config, recipe or recipe_of(config.model), mesh or mesh_of(1))
    return train(plan, Listener(on_step, on_epoch, warn), run, checkpoint_every)


def train(plan: Plan, listener: Listener, run: Run | None = None, checkpoint_every: int = 0) -> Params:
    """Carry out a plan and return the parameters; see `fit`."""
    with ExitStack() as stack:
        stopped = lambda: 0
        if run is not None:
            stack.enter_context(run.lock())
            stopped = stack.enter_context(deferred())
        now = time.perf_counter()
        state, tally = restore(plan, run, listener.warn) if run is not None else (plan.initial(), Tally())
        begun = now - tally.seconds
        pending = Pending(state, tally)
        try:
            while pending.step < plan.steps:
                state = _advance(plan, pending, state)
                listener.on_step(Moment(pending.step, plan.steps, pending.loss, pending.accuracy))
                at_end = pending.step % plan.epoch == 0
                signum = stopped()
                if signum or at_end or (checkpoint_every and pending.step % checkpoint_every == 0):
                    pending.wait()
                    _check_finite(state, pending.step)
                    pending.elapsed(time.perf_counter() - begun)
                    if at_end:
                        _end_epoch(plan, pending, state, listener, run)
                    _save(plan, state, pending.tally, run)
                if run is not None and signum:
                    raise Interrupted(pending.step, plan.steps, signum, run.folder, saved=is_first())
        except NotFiniteError as error:
            _keep_good(plan, pending, run, error)
    return jax.tree.map(lambda leaf: jax.numpy.asarray(np.asarray(leaf)), state.params)


def _advance(plan: Plan, pending: Pending, state: State) -> State:
    if pending.step % plan.epoch == 0:
        state = plan.before_epoch(state, pending.step)
    after, loss, right = plan.step(state, pending.step)
    pending.add(state, loss, right, plan.config.batch)
    return after


def _end_epoch(plan: Plan, pending: Pending, state: State, listener: Listener, run: Run | None) -> None:
    tally = pending.tally
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
    pending.begin_epoch()


def _check_finite(state: State, step: int) -> None:
    """A loss tells of the parameters before its step only; those that are saved have to be looked at."""
    if names := not_finite(state.params):
        raise NotFiniteError(f"after step {step} the parameters {', '.join(names)} are not finite")


def _save(plan: Plan, state: State, tally: Tally, run: Run | None) -> None:
    if run is not None and is_first():
        run.checkpoints.save(snapshot(plan, state, tally))


def _keep_good(plan: Plan, pending: Pending, run: Run | None, error: NotFiniteError) -> None:
    kept = ""
    state, tally = pending.good
    if run is not None and is_first() and not not_finite(state.params):
        run.checkpoints.save(snapshot(plan, state, tally))
        run.checkpoints.discard_after(tally.step)
        kept = f"; {run.folder} keeps the state after step {tally.step}, the last whose loss was finite"
    raise FloatingPointError(f"{error}{kept}: lower the learning rate") from error
