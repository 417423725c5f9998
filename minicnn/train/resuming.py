"""From a running plan to a checkpoint and back."""

from collections.abc import Callable
from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.run_folder import PARAMS
from minicnn.train import schema
from minicnn.train.checkpoints import Checkpoint, Facts, flatten, not_finite, unflatten
from minicnn.train.devices import copied, from_first, is_first, json_from_first
from minicnn.train.environment import differences, environment
from minicnn.train.pending import Tally
from minicnn.train.plan import Keys, Plan, State
from minicnn.train.runs import Run
from minicnn.train.schedules import schedule_of


def snapshot(plan: Plan, state: State, tally: Tally) -> Checkpoint:
    """Everything that the run is: state, random keys, position, config, data set and environment."""
    facts = Facts(tally, plan.config, plan.fingerprint, environment(plan.mesh))
    return Checkpoint(flatten({"state": state, "keys": plan.keys}), facts)


def restore(plan: Plan, run: Run, warn: Callable[[str], None]) -> tuple[State, Tally]:
    """The state to go on from: the newest undamaged checkpoint's, or the initial one.

    Process 0 reads, the others are told. Metrics written after that checkpoint are taken back, and so are the
    parameters of a finished run that goes on.

    Raises:
        ValueError: if the checkpoint is of another config, network or data set, naming what differs, or if there is
            none and the run has been finished.
    """
    whole = {"state": plan.shapes(), "keys": plan.keys}
    checkpoint = run.checkpoints.newest(warn, whole) if is_first() else None
    if checkpoint is None and is_first() and (run.folder / PARAMS).exists():
        raise ValueError(
            f"{run.folder} is finished and has no checkpoint to go on from, and to train it anew would lose its "
            f"parameters: start a new run, or move its {PARAMS} away"
        )
    text = json_from_first(checkpoint and checkpoint.facts.to_json())
    facts = text and schema.read(Facts, text, run.folder)
    if facts:
        _check_same(plan, facts, warn)
    tally = facts.position if facts else Tally()
    if checkpoint is not None:
        whole = unflatten(checkpoint.tensors, whole, run.folder)
        if names := not_finite(whole["state"].params):
            raise ValueError(f"{run.folder}: the checkpoint of step {tally.step} is not finite in {', '.join(names)}")
    if is_first():
        run.go_on(plan.config, tally.step, finished=tally.step == plan.steps)
    if not facts:
        return plan.initial(), tally
    whole = from_first(whole)
    _check_keys(plan, whole["keys"])
    return copied(plan.mesh, whole["state"]), tally


def _check_same(plan: Plan, facts: Facts, warn: Callable[[str], None]) -> None:
    changed = differences(asdict(replace(facts.config, epochs=plan.config.epochs)), asdict(plan.config))
    if changed:
        raise ValueError(
            f"the checkpoint is of another config ({'; '.join(changed)}): resume with its own, or start anew"
        )
    if facts.data != plan.fingerprint:
        raise ValueError(
            f"the checkpoint is of other images or labels than this {plan.config.data!r}: give those it began with"
        )
    _check_length(plan, facts)
    step, right = facts.position.step, facts.position.right
    if right > (images := step % plan.epoch * plan.config.batch):
        raise ValueError(f"the checkpoint of step {step} is damaged: of {images} images {right} are right")
    moved = differences(facts.environment, environment(plan.mesh))
    if moved:
        warn(f"the last bits may differ from the uninterrupted run's ({'; '.join(moved)})")


def _check_length(plan: Plan, facts: Facts) -> None:
    """A run may become longer or shorter if the rates of the steps that it has done stay what they were."""
    done, before, now = facts.position.step, facts.config, plan.config
    if done > plan.steps:
        raise ValueError(f"the checkpoint is of step {done}, and `epochs`={now.epochs} ends at step {plan.steps}")
    rates = lambda config: jax.vmap(schedule_of(config, plan.epoch * config.epochs))(jnp.arange(done))
    if before.epochs != now.epochs and done and not np.array_equal(rates(before), rates(now)):
        raise ValueError(
            f"`epochs`={now.epochs}: the schedule {now.schedule!r} spreads its rates over all of the run's "
            f"{before.epochs} epochs, so the {done} steps done would have had others: start a new run; one with the "
            "schedule 'constant' can be made longer"
        )


def _check_keys(plan: Plan, keys: Keys) -> None:
    if not all(np.array_equal(a, b) for a, b in zip(keys, plan.keys, strict=True)):
        raise ValueError("the checkpoint's random keys are not those of its seed: this JAX draws other numbers")
