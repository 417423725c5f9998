"""From a running plan to a checkpoint and back."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.run_folder import PARAMS
from minicnn.train import schema
from minicnn.train.checkpoints import Checkpoint, Facts, flatten, not_finite, path_name, unflatten
from minicnn.train.devices import copied, from_first, is_first, json_from_first
from minicnn.train.environment import differences, environment
from minicnn.train.levenberg import MU
from minicnn.train.pending import Tally
from minicnn.train.plan import Keys, Plan, State
from minicnn.train.runs import Run
from minicnn.train.schedules import schedule_of

# What the states of optimizers call their fields: the number of steps done, and what has a least value. That is 0 for
# means of squares; second derivatives are none either, but for rounding, and a step divides by μ + h.
_COUNTS, _LEAST = ("count", "done"), {"nu": 0.0, "h": -MU}


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
    checkpoint = run.checkpoints.newest(warn, whole, partial(_damage, plan, whole)) if is_first() else None
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
    if is_first():
        run.go_on(plan.config, tally.step, finished=tally.step == plan.steps)
    if not facts:
        return plan.initial(), tally
    whole = from_first(whole)
    _check_keys(plan, whole["keys"])
    return copied(plan.mesh, whole["state"]), tally


def _damage(plan: Plan, whole: Any, checkpoint: Checkpoint) -> str:
    """What no run of this plan can have come to, although the checksum is right.

    A checkpoint of another config or data set is not judged here: it is refused, and not skipped.
    """
    facts = checkpoint.facts
    if _changed(plan, facts) or facts.data != plan.fingerprint:
        return ""
    step, right = facts.position.step, facts.position.right
    if right > (images := step % plan.epoch * plan.config.batch):
        return f"of {images} images {right} are right"
    state = unflatten(checkpoint.tensors, whole, f"the checkpoint of step {step}")["state"]
    return next(_absurd(state, step), "")


def _absurd(state: State, step: int) -> Iterator[str]:
    """What is wrong with a state after some steps, one phrase for each of its tensors."""
    yield from (f"params.{name} is not finite" for name in not_finite(state.params))
    for path, leaf in jax.tree_util.tree_leaves_with_path(state.optimizer):
        kind = next((key.name for key in reversed(path) if isinstance(key, jax.tree_util.GetAttrKey)), "")
        name, least = f"optimizer.{path_name(path)}", _LEAST.get(kind)
        if kind in _COUNTS:
            if leaf != step:
                yield f"{name} is {leaf} after {step} steps"
        elif least is not None:
            # Infinite ones may be: the square of a large gradient is, and its weight stands still.
            if not (leaf >= least).all():
                yield f"{name} is {'NaN' if np.isnan(leaf).any() else 'negative'}"
        elif not np.isfinite(leaf).all():
            yield f"{name} is not finite"


def _changed(plan: Plan, facts: Facts) -> list[str]:
    """What in a config differs from the plan's, but for the number of epochs."""
    return differences(asdict(replace(facts.config, epochs=plan.config.epochs)), asdict(plan.config))


def _check_same(plan: Plan, facts: Facts, warn: Callable[[str], None]) -> None:
    if changed := _changed(plan, facts):
        raise ValueError(
            f"the checkpoint is of another config ({'; '.join(changed)}): resume with its own, or start anew"
        )
    if facts.data != plan.fingerprint:
        raise ValueError(
            f"the checkpoint is of other images or labels than this {plan.config.data!r}: give those it began with"
        )
    _check_length(plan, facts)
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
