"""Measuring in turn: every rival runs once in each round, so that a slow second of the machine meets them all."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from minicnn.bench.cases import Case
from minicnn.bench.peak_memory import peak_bytes
from minicnn.bench.rivals import OURS, OURS_IN_SCAN, RIVALS, Programs


@dataclass(frozen=True)
class Measurement:
    """What was measured of one rival on one case. Times are milliseconds; of a scan, for each step in it.

    Attributes:
        case: name of the case.
        panel: the question it belongs to.
        rival: who was measured.
        forward: median.
        step: median of forward plus backward.
        spread: the middle half of the steps' times, relative to their median.
        compile_seconds: tracing and compiling the step.
        temporary_bytes: memory of the step besides arguments and results, where the compiler says so.
        peak_bytes: memory of the step in a process of its own besides its operands, where it was measured.
    """

    case: str
    panel: str
    rival: str
    forward: float | None
    step: float
    spread: float
    compile_seconds: float | None
    temporary_bytes: int | None
    peak_bytes: int | None = None


def compare(
    case: Case, rivals: Iterable[str] = tuple(RIVALS), seconds: float = 3.0, memory: bool = False
) -> list[Measurement]:
    """Measure the rivals that have the case, in turn.

    Args:
        case: what to compute.
        rivals: names in `RIVALS`.
        seconds: about how long to measure the steps; at least 5 rounds are made.
        memory: whether to measure peak memory too, each rival in a process of its own.

    Returns:
        One measurement for each rival that has the case.
    """
    with jax.enable_x64(case.dtype == "float64"):
        made = {name: RIVALS[name](case) for name in rivals}
        programs = {name: program for name, program in made.items() if program is not None}
        forwards = {name: program.forward for name, program in programs.items() if program.forward is not None}
        forward = in_turn(forwards, seconds / 3, pause=_PAUSE)
        steps = in_turn({name: program.step for name, program in programs.items()}, seconds, pause=_PAUSE)
    found = [_measurement(case, name, programs[name], forward.get(name), steps[name]) for name in programs]
    return [replace(one, peak_bytes=peak_bytes(case.name, one.rival)) for one in found] if memory else found


def in_turn(
    programs: Mapping[str, Callable[[], Any]], seconds: float, rounds: int = 5, pause: float = 0.0
) -> dict[str, np.ndarray]:
    """Measure the milliseconds of calls of each program, in rounds.

    Every call that is measured follows one of the same program, as in a loop of training: what another has left in the
    caches does not matter, nor on which core a thread wakes up. In each round short programs are called several times.
    A program that takes half a minute is called once.

    Args:
        programs: what to call, by name.
        seconds: about how long to measure.
        rounds: at least so many are made, unless they would take ten times as long as that.
        pause: seconds to wait before each program, for the threads of the one before it to fall asleep.
    """
    # The first call may compile: it counts only where that is nothing beside it.
    times = {name: [took] if (took := _call(program)) > 1e3 * _LONG else [] for name, program in programs.items()}
    again = {name: program for name, program in programs.items() if not times[name]}
    begun, done, spent = time.perf_counter(), 0, 0.0
    while again and (not done or spent < seconds or (done < rounds and spent < _PATIENCE * seconds)):
        for name, program in again.items():
            time.sleep(pause)
            program()
            times[name] += _calls_of(program)
        done, spent = done + 1, time.perf_counter() - begun
    return {name: np.array(measured) for name, measured in times.items()}


def _calls_of(program: Callable[[], Any]) -> list[float]:
    """Measure calls one after the other, for as long as a turn lasts, and at least one."""
    measured, left = [], _TURN
    while not measured or left > 0:
        measured.append(_call(program))
        left -= 1e-3 * measured[-1]
    return measured


def _call(program: Callable[[], Any]) -> float:
    """The milliseconds of one call."""
    called = time.perf_counter()
    program()
    return 1e3 * (time.perf_counter() - called)


# Seconds. On two virtual cores single calls behind a pause took a step of 3 ms from 2.9 to 5.6 ms, in the middle half
# of a run, and from 2.9 to 3.1 where sixteen followed one another.
_TURN = 0.05
_PATIENCE = 10  # a scan that takes lax seconds a step is not called ten times,
_LONG = 30  # and one that takes it so many in all is called once: eight steps of ResNet-18 took it five minutes

# The threads of OpenMP, which PyTorch has, wait busily for more work, on the cores of who comes next: on two cores that
# took our step of LeNet-5 from 9.6 to 12.7 ms.
_PAUSE = 0.02


def _measurement(
    case: Case, rival: str, programs: Programs, forward: np.ndarray | None, step: np.ndarray
) -> Measurement:
    low, median, high = np.percentile(step / programs.steps, (25, 50, 75))
    return Measurement(
        case.name,
        case.panel,
        rival,
        None if forward is None else float(np.median(forward)),
        float(median),
        float((high - low) / median),
        programs.compile_seconds,
        programs.temporary_bytes,
    )


def ratios(measurements: Iterable[Measurement]) -> dict[str, float]:
    """How many times as long as ours each rival's step takes; a scan is compared with our scan."""
    steps = {measured.rival: measured.step for measured in measurements}
    base = lambda rival: steps.get(OURS_IN_SCAN if rival.endswith("in scan") else OURS)
    rivals = [rival for rival in steps if rival not in (OURS, OURS_IN_SCAN)]
    return {rival: steps[rival] / own for rival in rivals if (own := base(rival)) is not None}
