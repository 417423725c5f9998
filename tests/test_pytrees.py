"""The class of a map is part of its structure: no map is multiplied by what was compiled for one of another class."""

from itertools import combinations

import jax
import jax.numpy as jnp
import pytest

from minicnn import maps
from tests.maps.members import MEMBERS

MAPS = {name: make() for name, make in MEMBERS.items()}
STRUCTURES = {name: jax.tree.structure(A) for name, A in MAPS.items()}


@pytest.mark.parametrize("transposed", [False, True])
def test_real_and_imaginary_part_differ(transposed: bool) -> None:
    both = [kind((1,), jnp.dtype("complex64")) for kind in (maps.RealPart, maps.ImaginaryPart)]
    a, b = (jax.tree.structure(A.T if transposed else A) for A in both)
    assert a != b


def test_equal_structures_are_of_one_class() -> None:
    for (one, a), (other, b) in combinations(STRUCTURES.items(), 2):
        assert a != b or type(MAPS[one]) is type(MAPS[other]), (one, other)


def test_a_structure_makes_the_map_again() -> None:
    for name, A in MAPS.items():
        leaves, structure = jax.tree.flatten(A)
        again = jax.tree.unflatten(structure, leaves)
        assert type(again) is type(A), name
        assert jax.tree.structure(again) == structure, name
