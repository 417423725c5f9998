"""Sums of picked entries, against loops."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn.forms import sums
from minicnn.forms.sums import Entries, along, columns, picked_sum


def test_columns_give_a_factor_back():
    factor = np.array([[1, 0, 0], [-1, 2, 0], [3, 0, 0]], object)
    found = np.zeros((3, 3))
    for rows, numbers in columns(factor):
        np.add.at(found, (rows, np.arange(3)), numbers)
    np.testing.assert_array_equal(found, factor.astype(float))


@pytest.mark.parametrize("baked", [0, 100])
def test_the_places_of_all_axes_add_up_and_their_weights_multiply(baked, monkeypatch):
    monkeypatch.setattr(sums, "BAKED_PLACES", baked)
    z = np.random.default_rng(0).integers(-9, 9, (2, 3, 8, 4)).astype(np.float32)
    rows = [Entries((along([0, 1], 0, 2), along([1, 2], 0, 2)), along([1, -2], 0, 2)), Entries((0, 0))]
    shifts = [Entries((0, along([0, 2, 5], 1, 2)))]
    found = picked_sum(jnp.asarray(z), [rows, shifts], (2, 3), 1)
    expected = np.zeros((2, 3, 3, 4))
    for n in range(2):
        for m, shift in enumerate((0, 2, 5)):
            expected[n, :, m] = (1, -2)[n] * z[n, :, (1, 2)[n] + shift] + z[0, :, shift]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("baked", [0, 100])
@pytest.mark.parametrize("side", [0, 1])
def test_an_axis_that_is_read_at_its_first_place_alone_has_no_table(side, baked, monkeypatch):
    monkeypatch.setattr(sums, "BAKED_PLACES", baked)
    z = jnp.asarray(np.random.default_rng(0).integers(-9, 9, (5, 3, 6, 4)), jnp.float32)
    on_its_side = lambda places: Entries((0, places) if side else (places, 0))
    total = jax.jit(lambda z: picked_sum(z, [[on_its_side(along([1, 0, 4], 0, 1)), on_its_side(2)]], (3,), 1))
    read = z[0].swapaxes(0, 1) if side else z[:, :, 0]
    np.testing.assert_array_equal(total(z), read[jnp.array([1, 0, 4])] + read[2])
    assert re.findall(r'"stablehlo.gather"\(.*, tensor<3x(?:1x)?(\w+)xi32>\) ->', total.lower(z).as_text()) == ["1"] * 2


def test_gathers_are_stated_as_xla_states_them_and_axes_are_given_to_the_sum():
    """Any other gather gets a change of shape and of order, which XLA moves past one sum in each of its rounds."""
    shifts = [Entries((0, along([0, 2, 5], 1, 2)))]

    def changes(taken, factor=1):
        weight = along([1, factor], 0, 2)
        entries = [Entries((along([0, 1], 0, 2), along([n, n + 1], 0, 2)), weight) for n in range(taken)]
        total = jax.jit(lambda z: picked_sum(z, [entries, shifts], (2, 3), 1))
        program = total.lower(jnp.ones((2, 3, 9, 4))).as_text()
        places = re.findall(r'"stablehlo.gather"\(.*, tensor<(\w+)xi32>\) ->', program)
        assert places == ["6x2"] * taken
        assert "collapsed_slice_dims" not in program
        return program.count("stablehlo.reshape "), program.count("stablehlo.transpose ")

    assert changes(3) == changes(1) == changes(3, factor=2)


def test_equal_sums_are_one_function_and_sums_with_other_weights_are_not():
    def functions(second):
        """How often the program of two sums has a private function that gathers."""
        sums_of = lambda weight: [[Entries((0, along([0, 2], 0, 1)), weight), Entries((0, 1))]]
        both = jax.jit(lambda z: [picked_sum(z, sums_of(weight), (2,), 0) for weight in (2, second)])
        program = both.lower(jnp.ones((1, 2, 3, 4))).as_text()
        return sum("gather" in body for body in program.split("func.func private"))

    assert (functions(2), functions(3)) == (1, 2)


def test_many_places_in_equal_steps_are_counted_in_the_program():
    """As tables they would be a part of it: those of 300,000 outputs 2.4 MB of text."""
    n = 4 * sums.BAKED_PLACES
    total = jax.jit(lambda z: picked_sum(z, [[Entries((0, along(1 + 2 * np.arange(n), 0, 1)))]], (n,), 0))
    z = jnp.arange(2.0 * n).reshape(1, 1, 2 * n, 1)
    np.testing.assert_array_equal(total(z).ravel(), 1 + 2 * np.arange(n))
    assert len(total.lower(z).as_text()) < n
