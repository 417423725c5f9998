"""Measuring in turn, by a clock that the programs move themselves."""

import pytest

from minicnn.bench import measure


class Clock:
    """The time, and who was called."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, ""

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def program(self, name: str, seconds: float):
        def run() -> None:
            self.now += seconds
            self.calls += name

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(measure, "time", clock)
    return clock


def test_a_call_is_measured_behind_one_of_the_same_program(clock):
    times = measure.in_turn({"a": clock.program("a", 0.25), "b": clock.program("b", 0.5)}, seconds=1, rounds=2)
    assert clock.calls == "ab" + "aabb" * 2
    assert {name: list(measured) for name, measured in times.items()} == {"a": [250, 250], "b": [500, 500]}


def test_short_programs_are_called_several_times_in_each_round(clock):
    times = measure.in_turn({"a": clock.program("a", 1 / 64), "b": clock.program("b", 1)}, seconds=1, rounds=1)
    assert clock.calls == "ab" + "aaaaa" + "bb"
    assert {name: list(measured) for name, measured in times.items()} == {"a": [15.625] * 4, "b": [1000]}


def test_the_pause_before_a_program_is_no_part_of_its_time(clock):
    times = measure.in_turn({"a": clock.program("a", 0.5)}, seconds=1, rounds=3, pause=0.125)
    assert list(times["a"]) == [500] * 3


def test_slow_programs_take_fewer_rounds_and_at_least_one(clock):
    slow = {"a": clock.program("a", 16)}
    assert len(measure.in_turn(slow, seconds=1)["a"]) == 1
    assert len(measure.in_turn(slow, seconds=0)["a"]) == 1
    assert len(measure.in_turn(slow, seconds=8)["a"]) == 3


def test_a_program_of_half_a_minute_is_called_once(clock):
    times = measure.in_turn({"a": clock.program("a", 0.25), "b": clock.program("b", 300)}, seconds=1, rounds=2)
    assert clock.calls == "ab" + "aa" * 2
    assert list(times["b"]) == [300_000]
    assert list(measure.in_turn({"b": clock.program("b", 31)}, seconds=1)["b"]) == [31_000]
