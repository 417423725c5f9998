"""Every linear primitive of JAX has one row, and its maps are its matrix, bitwise on integers."""

import re
import subprocess
import sys
from dataclasses import replace

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings

import minicnn
from minicnn.lift.rules import Equation, table
from tests.lift.cases import CASES

equal = np.testing.assert_array_equal


def columns(f, shape) -> np.ndarray:
    """The matrix of a linear function: its values at the unit vectors, one column for each, less its value at 0."""
    units = np.eye(int(np.prod(shape)), dtype=np.float32).reshape(-1, *shape)
    value = lambda x: np.concatenate([np.ravel(y).astype(float) for y in jax.tree.leaves(f(jnp.asarray(x)))])
    return np.stack([value(unit) for unit in units], 1) - value(np.zeros(shape, np.float32))[:, None]


PASSED_ON = {"layout_constraint", "pvary", "reshard", "sharding_constraint"}  # which say where arrays are kept
OURS = {"convolve", "correlate", "power_sum"}
RECENT = {"psum", "stack", "tile", "unstack"}  # older versions of JAX have other primitives for them

# What JAX transposes that is no function of arrays on one device, or stands for other equations.
UNCHANGED = {"device_put", "optimization_barrier"}  # every result is the operand in its place
CALLS = {"call", "closed_call", "composite", "cond", "custom_jvp_call", "custom_lin", "custom_linear_solve", "jit"}
MORE_CALLS = {"custom_transpose_call", "eval_jaxpr", "linear_call", "remat2", "remat_opt", "scan", "shard_map", "vmap"}
WRITTEN_OUT = {"polynomial", "while"}
EFFECTS = {"debug_callback", "debug_print", "ffi_call", "io_callback", "pure_callback"}
BOXES = {"addupdate", "box_get", "box_set", "get", "log_extend", "log_read", "new_box", "new_log", "swap"}
STAGES = {"dce_sink", "stage", "tie", "with_memory_space_constraint", "xla_pmap"}
TYPES = {
    "from_edtype",
    "to_edtype",
    "preduced",
    *(f"{way}_cast{p}" for way in ("reduced_vary", "vary_unreduced") for p in ("", "_p")),
}
OTHERS = UNCHANGED | CALLS | MORE_CALLS | WRITTEN_OUT | EFFECTS | BOXES | STAGES | TYPES
COLLECTIVE = r"all_gather.*|.*all_to_all|p(psum|broadcast|permute|sum).*|unreduced_.*|reduce_scatter"


def test_every_linear_primitive_has_a_row_and_a_case():
    listed = "import jax.numpy; from jax._src.interpreters import ad; print(*(p.name for p in ad.primitive_transposes))"
    command = [sys.executable, "-c", listed]  # in a process of its own: other libraries have primitives, too
    known = {*subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()}
    assert "dot_general" in known
    arrays = {name for name in known - OTHERS if not re.fullmatch(COLLECTIVE, name)}
    assert arrays <= set(table)
    assert set(table) | UNCHANGED == set(CASES) | PASSED_ON | OURS


@pytest.mark.parametrize("name", sorted(PASSED_ON))
def test_where_arrays_are_kept_changes_nothing(name):
    x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    A = table[name].map(Equation({}, (x,), (None,), (x,)), 0)
    assert A is not None
    equal(A.matrix(), np.eye(6))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=settings().max_examples // 6, phases=[Phase.generate])
@given(st.data())
def test_the_maps_of_a_primitive_are_its_matrix(name, data):
    f, shape = CASES[name](data.draw)
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        if name in table:
            rule = table[name]
            patch.setitem(table, name, replace(rule, map=lambda eq, n: asked.append(name) or rule.map(eq, n)))
        P = minicnn.lift(f, jnp.zeros(shape))
    assume(asked or name in RECENT | UNCHANGED)
    expected = columns(f, shape)
    matrix, transposed = jax.jit(lambda P: (P.matrix(), P.T.matrix()))(P)
    equal(matrix.astype(float), expected)
    equal(transposed.astype(float), expected.T)
