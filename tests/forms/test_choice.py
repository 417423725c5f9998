"""What `form="auto"` takes: a function of shapes alone, and the forms of the convolutions that are measured."""

import jax
import jax.numpy as jnp
import pytest

from minicnn import conv
from minicnn.bench.auto_choice import geometry_of
from minicnn.bench.cases import CASES
from minicnn.forms import Auto, Diagonals, Fourier, Geometry, Polyphase, Tiles, Winograd, decomposition
from minicnn.forms.choice import choices, choose
from minicnn.forms.explanation import name_of
from minicnn.forms.resolve import windows

MEASURED = {
    "LeNet-5 C1": ("tiles 1×4 outputs", "tiles 1×4 inputs"),
    "LeNet-5 C3": ("tiles 1×2 outputs", "tiles 1×2 inputs"),
    "ResNet-20 stem": ("tiles 1×1 outputs", "tiles 1×1 inputs"),
    "ResNet-20 32²×16": ("tiles 1 outputs × 1 inputs",) * 2,
    "ResNet-20 16²×32": ("tiles 1 outputs × 1 inputs",) * 2,
    "ResNet-20 8²×64": ("winograd",) * 2,
    "ResNet-18 56²×64": ("winograd",) * 2,
    "ResNet-18 14²×256": ("winograd",) * 2,
    "ImageNet stem 7×7/2": ("tiles 1×1 outputs", "tiles 1×1 inputs"),
    "depthwise 56²×64": ("diagonals",) * 2,
    "4 groups 28²×64": ("tiles 1 outputs × 1 inputs",) * 2,
    "dilation 2 28²×32": ("tiles 1 outputs × 1 inputs",) * 2,
    "1×1 28²×128": ("tiles 1×1 outputs",) * 2,
    "transposed 4×4/2": ("tiles 1×1 inputs", "tiles 1×1 outputs"),
    "1-D 100,000, k 1,000/100": ("tiles 100 inputs", "tiles 100 outputs"),
    "float64 300², k 31": ("tiles 5 inputs × 5 outputs",) * 2,
}


@pytest.mark.parametrize("name", MEASURED)
def test_the_forms_of_the_measured_convolutions_and_of_their_transposes(name: str) -> None:
    """A change here changes what docs/fast.md measured."""
    (case,) = (case for case in CASES if case.name == name)
    geometry = geometry_of(case)
    assert MEASURED[name] == tuple(name_of(choose(g, case.batch), g, case.batch) for g in (geometry, geometry.T))


def test_a_single_image_takes_the_cut_of_fewer_loops() -> None:
    c1 = Geometry(windows((5, 5), (32, 32)), 1, 6)
    assert [name_of(choose(c1, batch), c1, batch) for batch in (1, 128)] == ["tiles 1×1 outputs", "tiles 1×4 outputs"]


def test_of_cuts_that_the_model_does_not_tell_apart_the_one_of_fewest_loops_is_taken() -> None:
    """Blocks of one row of outputs lie in their order already, and are neither gathered nor scattered."""
    c1 = Geometry(windows((5, 5), (32, 32)), 1, 6)
    taken, cheapest = Tiles().cost(c1, 128), Tiles((2, 4)).cost(c1, 128)
    assert cheapest.total < taken.total < 1.15 * cheapest.total
    assert (taken.loops, cheapest.loops) == (2, 3)


def test_a_batch_that_just_fits_a_cache_in_another_cut_is_not_taken_in_portions() -> None:
    geometry = Geometry(windows((3, 3), (32, 32), padding="SAME"), 16, 16)
    portioned = Tiles(1, ("outputs", "inputs")).cost(geometry, 29)
    assert (Tiles().cost(geometry, 29).portions, portioned.portions) == (1, 3)
    assert Tiles().cost(geometry, 29).total < 1.15 * portioned.total


def test_auto_takes_diagonals_for_depthwise_kernels_phases_for_long_dilated_ones_and_tiles_otherwise():
    depthwise = Geometry(windows((3, 3), (56, 56), padding="SAME"), 64, 64, 64)
    dilated = Geometry(windows((1000,), (65_536,), dilation=8), 1, 1)
    others = (
        Geometry(windows((101, 101), (300, 300), padding="SAME"), 1, 1),
        Geometry(windows((5, 5), (32, 32)), 1, 6),
        Geometry(windows((3, 3), (28, 28), padding="SAME", dilation=2), 32, 32),
    )
    assert [choose(geometry, 16) for geometry in (depthwise, dilated, *others)] == [
        Diagonals(),
        Polyphase(),
        *[Tiles()] * 3,
    ]


def test_auto_never_takes_fourier_however_cheap_it_is():
    long = Geometry(windows((10_000,), (100_000,)), 1, 1)
    assert Fourier().cost(long, 1).total < choose(long, 1).cost(long, 1).total


def test_accelerators_take_diagonals_for_depthwise_kernels_only() -> None:
    axes = windows((3,), (8,), 1, "SAME", 1)
    for groups, taken in ((6, Diagonals), (2, Tiles)):
        geometry = Geometry(axes, 6, 6, groups)
        assert type(choose(geometry, 1, accelerated=True)) is taken
        assert all(kind in choices(geometry) for kind in (Tiles(), Diagonals()))


def test_a_program_for_gpus_is_lowered_in_the_form_for_accelerators() -> None:
    x, w = jnp.ones((1, 4096, 6)), jnp.ones((3, 3, 6))
    f = jax.jit(lambda x, w: conv(x, w, groups=2))
    assert isinstance(choose(Geometry(windows((3,), (4096,), 1, "VALID", 1), 6, 6, 2), 1), Diagonals)
    products = {
        platform: f.trace(x, w).lower(lowering_platforms=(platform,)).as_text().count("dot_general")
        for platform in ("cpu", "cuda")
    }
    assert products["cpu"] > products["cuda"] == 1


def test_integers_and_accelerators_are_not_halved_by_winograds_factors() -> None:
    geometry = Geometry(windows((3, 3), (28, 28), 1, "SAME", 1), 128, 128)
    assert isinstance(choose(geometry, 8), Winograd)
    assert isinstance(choose(geometry, 8, halves=False), Tiles)
    for dtype, form in ((jnp.float32, Auto()), (jnp.bfloat16, Auto())):
        assert isinstance(form.settled(geometry, 8, jnp.dtype(dtype)), Winograd)
    assert not isinstance(Auto().settled(geometry, 8, jnp.dtype(jnp.int32)), Winograd)
    assert not isinstance(Auto().on_accelerators.settled(geometry, 8, jnp.dtype(jnp.float32)), Winograd)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 7])
def test_auto_takes_winograds_factors_only_where_no_output_feels_what_it_does_not_read(kernel: int) -> None:
    geometry = Geometry(windows((kernel,), (28,), 1, "SAME", 1), 512, 512)
    taken = any(isinstance(form, Winograd) for form in choices(geometry))
    assert taken == (kernel in (2, 3))


@pytest.mark.parametrize(("kernel", "stride"), [(1_000, 100), (33_000, 1), (10**6, 10**6), (31, 1)])
def test_a_choice_writes_no_factors_down(kernel: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of 33,000 taps would be fractions without end."""
    monkeypatch.setattr(decomposition, "_of", pytest.fail)
    monkeypatch.setattr(decomposition, "points", pytest.fail)
    geometry = Geometry(windows((kernel,), (2 * kernel,), stride, "VALID", 1), 64, 64)
    assert isinstance(choose.__wrapped__(geometry, 1), Tiles)
