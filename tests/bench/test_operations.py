"""The rivals compute the same."""

import jax
import numpy as np
import pytest

from minicnn.bench import Case, find, jax_operations, resnet18, torch_operations
from tests.bench.small import SMALL


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_the_rivals_compute_the_same(case: Case) -> None:
    operands = *jax_operations.held(case), *jax_operations.operands(case)
    expected = np.asarray(jax.jit(jax_operations.theirs(case))(*operands))
    np.testing.assert_allclose(jax.jit(jax_operations.ours(case))(*operands), expected, atol=1e-4)
    if not case.mapped:
        pytest.importorskip("torch")
        y = torch_operations.function(case)(*torch_operations.operands(case, channels_last=False)).detach().numpy()
        first = case.layout == "NCHW"
        np.testing.assert_allclose(y if first else np.moveaxis(y, 1, -1), expected, atol=1e-4)


def test_ours_and_laxs_resnet_18_agree_in_loss_and_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resnet18, "STAGES", ((4, 1), (6, 2)))
    case = Case("ResNet", "network", "resnet18", 2, (6, 6), 3, 10, (3, 3), padding="SAME")
    arguments = *jax_operations.held(case), *jax_operations.operands(case)
    ours, theirs = (
        jax.jit(jax.value_and_grad(side(case), 1))(*arguments) for side in (jax_operations.ours, jax_operations.theirs)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), ours, theirs)


def test_the_benchmarks_resnet_18_has_20_convolutions_and_11_million_weights() -> None:
    (case,) = find(["ResNet-18 step"])
    layers = list(resnet18.kernels(case.c_in))
    weights = sum(taps**2 * into * out for taps, into, out, _ in layers)
    assert (len(layers), weights) == (20, 11_159_232)


@pytest.mark.parametrize("side", [jax_operations.ours, jax_operations.theirs])
@pytest.mark.parametrize("name", ["LeNet-5 step", "ResNet-18 step"])
def test_no_network_has_its_images_as_constants(name, side) -> None:
    """XLA would compute what depends on them alone while it compiles."""
    (case,) = find([name])
    arguments = *jax_operations.held(case), *jax_operations.operands(case)
    constants = jax.make_jaxpr(side(case))(*arguments).consts
    assert max((np.size(constant) for constant in constants), default=0) <= case.batch
