"""The choices that are measured are those of the cases, and a bad one is marked."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from minicnn.bench import CASES, auto_choice, jax_operations
from tests.bench.small import SMALL


def test_the_geometries_of_the_choices_are_the_cases() -> None:
    for case in CASES:
        if case.operation in ("conv", "conv_transpose"):
            geometry = auto_choice.geometry_of(case)
            assert (case.batch, *geometry.in_shape) == case.x_shape
            with jax.enable_x64(case.dtype == "float64"):
                made = jax.eval_shape(
                    jax_operations.theirs(replace(case, layout="NHWC", mapped=0)),
                    *map(_struct, replace(case, mapped=0).operands()),
                )
            assert (case.batch, *geometry.out_shape) == made.shape


def _struct(array: np.ndarray) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def test_a_choice_that_is_not_close_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        auto_choice, "in_turn", lambda programs, *_, **__: {name: len(f().shape) for name, f in programs.items()}
    )
    found = list(auto_choice.measure([SMALL[0]]))
    assert [choice.result for choice in found] == ["y", "x̄", "w̄"]
    assert all(choice.ratio == 1.0 and choice.close for choice in found)
    far = replace(found[0], ratio=1.3)
    assert not far.close
    assert "!" in list(auto_choice.table([far]).columns[-1].cells)
