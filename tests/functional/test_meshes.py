"""Images spread over several devices: `jax.shard_map`, which checks what varies, and meshes with explicit axes."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from minicnn import conv, unfold
from tests.simulated import environment

ROUNDINGS = 1e-5  # of the largest number in an answer; a missing sum over the devices is 0.1 to 1
MEMBERS = 23  # functions that tests.functional.meshes spreads over devices


@pytest.fixture(scope="module")
def found() -> dict:
    command, where = [sys.executable, "-m", "tests.functional.meshes"], Path(__file__).parents[2]
    process = subprocess.run(command, cwd=where, env=environment(4), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout.splitlines()[-1])


WAYS = {
    "shard_map over 2": MEMBERS,
    "shard_map over 2 x 2": 2,
    "explicit over 2": MEMBERS,
    "explicit over 4": 2,
    "automatic over 2": 6,
    "not in use": 2,
    "autodiff over 2": 7,
    "autodiff over 4": 2,
    "autodiff explicit over 2": 7,
}


@pytest.mark.parametrize("way", WAYS)
def test_several_devices_find_what_one_finds(found: dict, way: str) -> None:
    failures = {
        name: answers
        for name, answers in found[way].items()
        if isinstance(answers, str) or not all(gap < ROUNDINGS for gap in answers.values())
    }
    assert failures == {}
    assert len(found[way]) == WAYS[way]


def test_a_device_takes_portions_of_its_own_images_and_none_of_a_batch_that_xla_parts(found: dict) -> None:
    assert found["in portions"] == {"explicit": True, "shard_map": True, "automatic": False}


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="JAX 0.9 refuses every empty array that is spread")
def test_no_images_on_a_mesh_have_no_results(found: dict) -> None:
    assert found["no images"] == {"images": [True, True, True], "space": [True, True, True]}


def test_a_result_that_differs_over_the_mesh_is_refused_where_it_should_be_shared(found: dict) -> None:
    assert len(found["refusal"]) == MEMBERS
    for name, refusal in found["refusal"].items():
        assert "out_specs which require replication" in refusal, name


@pytest.mark.parametrize("spec", [PartitionSpec(), PartitionSpec("i")], ids=["whole", "spread"])
def test_arrays_on_an_explicit_mesh_know_it_where_none_is_in_use(spec: PartitionSpec) -> None:
    mesh = jax.make_mesh((1,), ("i",), axis_types=(AxisType.Explicit,), devices=jax.devices()[:1])
    x = jax.device_put(jnp.arange(12.0).reshape(2, 3, 2), NamedSharding(mesh, spec))
    w = jax.device_put(jnp.ones((2, 2, 1)), NamedSharding(mesh, PartitionSpec()))
    each = jax.vmap(jax.grad(lambda w, x: conv(x, w).sum()), (None, 0))(w, x)
    np.testing.assert_array_equal(each[..., 0], [[[2, 4], [6, 8]], [[14, 16], [18, 20]]])
    np.testing.assert_array_equal(jax.grad(lambda w: conv(x, w).sum())(w), each.sum(0))
    np.testing.assert_array_equal(jax.grad(lambda x: unfold(x, (2,)).sum())(x)[0, :, 0], [1, 2, 1])
