"""Images spread over several devices: `jax.shard_map`, which checks what varies, and meshes with explicit axes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from minicnn import conv, unfold
from tests.functional.meshes import ASKED, COMPARED, MEMBERS
from tests.simulated import answers, to_run

ROUNDINGS = 1e-5  # of the largest number in an answer; a missing sum over the devices is 0.1 to 1


@pytest.fixture(scope="module")
def found(request: pytest.FixtureRequest) -> dict[tuple[str, str], Any]:
    questions = to_run(request, "way", "name") + [(way, name) for way in ASKED for name in ASKED[way][1]]
    return dict(zip(questions, answers("tests.functional.meshes", questions, devices=4), strict=True))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("way", "name"), [(way, name) for way, (_, names) in COMPARED.items() for name in names])
def test_several_devices_find_what_one_finds(found: dict, way: str, name: str) -> None:
    answer = found[way, name]
    assert not isinstance(answer, str), answer
    assert all(gap < ROUNDINGS for gap in answer.values()), answer


@pytest.mark.parametrize(("way", "is_taken"), [("explicit", True), ("shard_map", True), ("automatic", False)])
def test_a_device_takes_portions_of_its_own_images_and_none_of_a_batch_that_xla_parts(
    found: dict, way: str, is_taken: bool
) -> None:
    assert found["in portions", way] == is_taken


@pytest.mark.skipif(jax.__version_info__ < (0, 10), reason="JAX 0.9 refuses every empty array that is spread")
@pytest.mark.parametrize("spread", ["images", "space"])
def test_no_images_on_a_mesh_have_no_results(found: dict, spread: str) -> None:
    assert found["no images", spread] == [True, True, True]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_result_that_differs_over_the_mesh_is_refused_where_it_should_be_shared(found: dict, name: str) -> None:
    assert "out_specs which require replication" in found["refusal", name]


@pytest.mark.parametrize("spec", [PartitionSpec(), PartitionSpec("i")], ids=["whole", "spread"])
def test_arrays_on_an_explicit_mesh_know_it_where_none_is_in_use(spec: PartitionSpec) -> None:
    mesh = jax.make_mesh((1,), ("i",), axis_types=(AxisType.Explicit,), devices=jax.devices()[:1])
    x = jax.device_put(jnp.arange(12.0).reshape(2, 3, 2), NamedSharding(mesh, spec))
    w = jax.device_put(jnp.ones((2, 2, 1)), NamedSharding(mesh, PartitionSpec()))
    each = jax.vmap(jax.grad(lambda w, x: conv(x, w).sum()), (None, 0))(w, x)
    np.testing.assert_array_equal(each[..., 0], [[[2, 4], [6, 8]], [[14, 16], [18, 20]]])
    np.testing.assert_array_equal(jax.grad(lambda w: conv(x, w).sum())(w), each.sum(0))
    np.testing.assert_array_equal(jax.grad(lambda x: unfold(x, (2,)).sum())(x)[0, :, 0], [1, 2, 1])
