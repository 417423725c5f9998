"""From a running plan to a checkpoint and back."""

import zlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from minicnn.train.checkpoints import Checkpoint, flatten, unflatten
from minicnn.train.devices import copied, from_first, is_first, json_from_first
from minicnn.train.environment import differences, environment
from minicnn.train.pending import Tally
from minicnn.train.plan import Keys, Plan, State
from minicnn.train.runs import Run


def snapshot(plan: Plan, state: State, tally: Tally) -> Checkpoint:
    """Everything that the run is: state, random keys, position, config and environment."""
    facts = {
        "position": asdict(tally),
        "config": plan.config.to_json(),
        "data": _fingerprint(plan),
        "environment": environment(plan.mesh),
    }
    return Checkpoint(tally.step, flatten({"state": state, "keys": plan.keys}), facts)


def restore(plan: Plan, run: Run, warn: Callable[[str], None]) -> tuple[State, Tally]:
    """The state to go on from: the newest undamaged checkpoint's, or the initial one.

    Process 0 reads, the others are told. Metrics written after that checkpoint are taken back.

    Raises:
        ValueError: if the checkpoint is of another config, network or data set, naming what differs.
    """
    checkpoint = run.checkpoints.newest(warn) if is_first() else None
    facts = json_from_first(checkpoint and checkpoint.facts)
    if facts is not None:
        _check_same(plan, facts, warn)
    if is_first():
        run.forget_after(checkpoint.step if checkpoint else 0)
    if facts is None:
        return plan.initial(), Tally()
    whole = {"state": plan.shapes(), "keys": plan.keys}
    if checkpoint is not None:
        whole = unflatten(checkpoint.tensors, whole, run.folder)
    whole = from_first(whole)
    _check_keys(plan, whole["keys"])
    return copied(plan.mesh, whole["state"]), Tally(**facts["position"])


def _check_same(plan: Plan, facts: dict[str, Any], warn: Callable[[str], None]) -> None:
    changed = differences(facts["config"], plan.config.to_json())
    if changed:
        raise ValueError(
            f"the checkpoint is of another config ({'; '.join(changed)}): resume with its own, or start anew"
        )
    if facts["data"] != _fingerprint(plan):
        raise ValueError(
            f"the checkpoint is of another data set than this {plan.config.data!r}: give the one it began with"
        )
    moved = differences(facts["environment"], environment(plan.mesh))
    if moved:
        warn(f"the last bits may differ from the uninterrupted run's ({'; '.join(moved)})")


def _check_keys(plan: Plan, keys: Keys) -> None:
    if not all(np.array_equal(a, b) for a, b in zip(keys, plan.keys, strict=True)):
        raise ValueError("the checkpoint's random keys are not those of its seed: this JAX draws other numbers")


def _fingerprint(plan: Plan) -> dict[str, Any]:
    labels = np.ascontiguousarray(plan.data.train.labels)
    return {"images": list(plan.data.train.images.shape), "labels": zlib.crc32(labels.tobytes())}
