"""Every form is the convolution: the same products as lax, exactly, on integers."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given

from minicnn import conv, conv_transpose
from minicnn.forms import (
    Arithmetic,
    Auto,
    Dense,
    Diagonals,
    Form,
    Fourier,
    Geometry,
    Polyphase,
    Tiles,
    Winograd,
    as_form,
)
from minicnn.forms.resolve import sliding, windows
from minicnn.forms.tiles import best_cuts, cuts_cost
from tests import oracles
from tests.equations import equations
from tests.strategies import CORNERS, Case, cases, seeds

FORMS: dict[str, Form] = {
    "dense": Dense(),
    "im2col": Tiles(1),
    "tiles of 2": Tiles(2),
    "one tile": Tiles(99),
    "tiles of 2 inputs": Tiles(2, "inputs"),
    "diagonals": Diagonals(),
    "tiles of 3, phase by phase": Polyphase(Tiles(3)),
    "auto": Auto(),
}


def geometry_of(case: Case) -> Geometry:
    slidings = sliding(case.kernel_size, case.stride, case.padding, case.dilation, case.stretch)
    axes = tuple(each.over(size) for each, size in zip(slidings, case.in_size, strict=True))
    geometry = Geometry(axes, case.channels[0] * case.groups, case.channels[1] * case.groups, case.groups)
    return geometry.flipped if case.flip else geometry


def images(case: Case, x: np.ndarray) -> np.ndarray:
    return x.reshape(int(np.prod(case.batch)), *x.shape[len(case.batch) :])


def check_forms(case: Case, seed: int) -> None:
    x, w, _ = case.data(seed)

    def all_products(x: Any, w: Any) -> tuple[dict[str, jax.Array], jax.Array]:
        products = {name: conv(x, w, form=form, **case.options) for name, form in FORMS.items()}
        batch = x.reshape(images(case, x).shape)
        expected = oracles.lax_conv(
            batch, w, case.stride, case.pads, case.dilation, case.stretch, case.groups, case.flip
        )
        return products, expected.reshape(case.y_shape)

    products, expected = jax.jit(all_products)(x, w)
    for name, y in products.items():
        np.testing.assert_array_equal(y, expected, err_msg=name)


@given(cases(), seeds)
def test_every_form_is_laxs_convolution(case, seed):
    check_forms(case, seed)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", CORNERS.values(), ids=CORNERS)
def test_every_form_is_laxs_convolution_in_the_corners(case):
    check_forms(case, 0)


@pytest.mark.long
@given(cases(), seeds)
def test_every_form_is_laxs_convolution_everywhere(case, seed):
    check_forms(case, seed)


@given(cases(ranks=(1, 2)), seeds)
def test_every_form_collects_the_weights_gradient(case, seed):
    x, _, y = case.data(seed)
    geometry, arithmetic = geometry_of(case), Arithmetic()
    x, y = images(case, x), images(case, y)
    gradients = jax.jit(
        lambda x, y: {name: form.correlate(geometry, x, y, arithmetic) for name, form in FORMS.items()}
    )(x, y)
    expected = (case.patches(x).T @ y.ravel()).reshape(case.w_shape)
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(gradient, expected, err_msg=name)


@given(cases(ranks=(1, 2)), seeds)
def test_every_form_multiplies_by_the_transpose_on_the_transposed_geometry(case, seed):
    _, w, y = case.data(seed)
    geometry, arithmetic = geometry_of(case), Arithmetic()
    split = w.reshape(geometry.split_shape).swapaxes(-1, -3).reshape(geometry.T.w_shape)
    y = images(case, y)
    products = jax.jit(lambda y, w: {name: form.convolve(geometry.T, y, w, arithmetic) for name, form in FORMS.items()})
    expected = case.times(case.matrix(w).T, y, (len(y), *geometry.in_shape))
    for name, x in products(y, split).items():
        np.testing.assert_array_equal(x, expected, err_msg=name)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["grouped", "negative_padding", "stretched_and_strided", "flipped_padded_dilated"])
def test_every_form_has_the_same_vjps(name):
    case = CORNERS[name]
    x, w, y_bar = case.data(0)

    def cotangents(x: Any, w: Any, y_bar: Any) -> dict[str, Any]:
        vjps = {
            name: jax.vjp(lambda x, w, f=form: conv(x, w, form=f, **case.options), x, w)[1]
            for name, form in FORMS.items()
        }
        return {name: vjp(y_bar) for name, vjp in vjps.items()}

    C, X = case.matrix(w), case.patches(x)
    for form, (x_bar, w_bar) in jax.jit(cotangents)(x, w, y_bar).items():
        np.testing.assert_array_equal(x_bar, case.times(C.T, y_bar, case.x_shape), err_msg=form)
        np.testing.assert_array_equal(w_bar.ravel(), X.T @ y_bar.ravel(), err_msg=form)


@pytest.mark.parametrize("name", FORMS)
def test_integers_stay_integers(name):
    case = CORNERS["2d"]
    x, w, _ = case.data(0, np.int32)
    y = conv(x, w, form=FORMS[name])
    assert y.dtype == jnp.int32
    np.testing.assert_array_equal(y, oracles.conv(x, w, case.seen))


@pytest.mark.parametrize("name", FORMS)
def test_preferred_element_type_accumulates_without_overflow(name):
    case = CORNERS["2d"]
    x, w = (np.full(shape, 100, np.int8) for shape in (case.x_shape, case.w_shape))
    y = conv(x, w, form=FORMS[name], preferred_element_type=jnp.int32)
    assert y.dtype == jnp.int32
    np.testing.assert_array_equal(y, oracles.conv(x.astype(int), w.astype(int), case.seen))
    lax = oracles.lax_conv(x, w, case.stride, case.pads, case.dilation, case.stretch, preferred_element_type=jnp.int32)
    np.testing.assert_array_equal(y, lax)


@pytest.mark.parametrize("wanted", ["int32", "float32"])
@pytest.mark.parametrize("name", FORMS)
def test_on_a_gpu_integers_are_as_wide_as_their_sums_before_they_are_multiplied(name, wanted):
    x, w = jnp.ones((1, 5, 5, 2), jnp.int8), jnp.ones((2, 2, 2, 3), jnp.int8)
    f = jax.jit(lambda x, w: conv(x, w, form=FORMS[name], preferred_element_type=wanted))
    program = f.trace(x, w).lower(lowering_platforms=("cuda",)).as_text()
    products = [line for line in program.splitlines() if "dot_general" in line]
    assert products
    assert not any("xi8>" in line for line in products)


def test_every_form_and_its_vjps_serve_five_axes():
    case = Case((2, 3, 2, 3, 2), (2, 2, 1, 2, 2), padding=("SAME", "VALID", "FULL", (1, 0), "VALID"), channels=(2, 1))
    x, w, y_bar = case.data(0)
    C, X = case.matrix(w), case.patches(x)

    def products(x: Any, w: Any, y_bar: Any) -> dict[str, Any]:
        values = {
            name: jax.vjp(lambda x, w, f=form: conv(x, w, form=f, **case.options), x, w) for name, form in FORMS.items()
        }
        return {name: (y, *vjp(y_bar)) for name, (y, vjp) in values.items()}

    for form, (y, x_bar, w_bar) in jax.jit(products)(x, w, y_bar).items():
        np.testing.assert_array_equal(y, case.times(C, x, case.y_shape), err_msg=form)
        np.testing.assert_array_equal(x_bar, case.times(C.T, y_bar, case.x_shape), err_msg=form)
        np.testing.assert_array_equal(w_bar.ravel(), X.T @ y_bar.ravel(), err_msg=form)


LONG = {
    "depthwise": Case((100,), (41,), padding=((41, 38),), groups=2, dilation=(2,)),
    "strided": Case((60,), (36,), stride=(3,), padding="FULL", channels=(2, 2)),
    "stretched": Case((30,), (36,), stretch=(2,), padding="SAME", groups=2, channels=(2, 1)),
}


@pytest.mark.parametrize("name", LONG)
def test_long_kernels_are_exact_in_every_form(name):
    """What is copied row by row, looped over or taken apart into phases is the convolution with its two gradients."""
    case = LONG[name]
    x, w, y_bar = case.data(0)

    @jax.jit
    def products(x: Any, w: Any, y_bar: Any) -> dict[str, Any]:
        vjps = {
            name: jax.vjp(lambda x, w, f=form: conv(x, w, form=f, **case.options), x, w) for name, form in FORMS.items()
        }
        return {name: (y, *pull_back(y_bar)) for name, (y, pull_back) in vjps.items()}

    C, X = case.matrix(w), case.patches(x)
    for form, (y, x_bar, w_bar) in products(x, w, y_bar).items():
        np.testing.assert_array_equal(y, case.times(C, x, case.y_shape), err_msg=form)
        np.testing.assert_array_equal(x_bar, case.times(C.T, y_bar, case.x_shape), err_msg=form)
        np.testing.assert_array_equal(w_bar.ravel(), X.T @ y_bar.ravel(), err_msg=form)


def test_a_tile_may_differ_from_axis_to_axis():
    case = CORNERS["2d"]
    x, w, _ = case.data(0)
    np.testing.assert_array_equal(conv(x, w, form=Tiles((3, 1))), oracles.conv(x, w, case.seen))


def test_names_are_forms():
    assert [as_form(name) for name in ("auto", "dense", "tiles", "diagonals", "fourier")] == [
        Auto(),
        Dense(),
        Tiles(),
        Diagonals(),
        Fourier(),
    ]
    assert as_form(Tiles(3)) == Tiles(3)


@dataclass(frozen=True)
class Im2col(Form):
    """A form of one's own: the two operations are all that it has to say."""

    def convolve(self, geometry: Geometry, x: jax.Array, w: jax.Array, arithmetic: Arithmetic) -> jax.Array:
        return Tiles(1).convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: jax.Array, y: jax.Array, arithmetic: Arithmetic) -> jax.Array:
        return Tiles(1).correlate(geometry, x, y, arithmetic)


def test_a_form_of_ones_own_needs_its_two_operations():
    case = CORNERS["grouped"]
    x, w, y_bar = case.data(0)
    y, pull_back = jax.vjp(lambda x, w: conv(x, w, form=Im2col(), **case.options), x, w)
    np.testing.assert_array_equal(y, case.times(case.matrix(w), x, case.y_shape))
    x_bar, w_bar = pull_back(jnp.asarray(y_bar))
    np.testing.assert_array_equal(x_bar, case.times(case.matrix(w).T, y_bar, case.x_shape))
    np.testing.assert_array_equal(w_bar.ravel(), case.patches(x).T @ y_bar.ravel())


@pytest.mark.parametrize("form", [None, 3, Tiles, SimpleNamespace(convolve=None, correlate=None)])
def test_what_is_not_a_form_is_refused(form: Any):
    with pytest.raises(TypeError, match=r"`form`=.* is not a form: use one of auto, .* inherits from minicnn.forms.F"):
        conv(jnp.ones((5, 1)), jnp.ones((2, 1, 1)), form=form)


def test_a_form_that_cannot_be_hashed_is_refused():
    form = type("Changing", (Im2col,), {"__hash__": None})()
    with pytest.raises(TypeError, match=r"`form`=Changing\(\) cannot be hashed: give it tuples"):
        conv(jnp.ones((5, 1)), jnp.ones((2, 1, 1)), form=form)


@given(cases())
@example(Case((1,), (1,), padding=((0, 1),)))  # one tap, and more outputs than inputs
def test_the_choice_is_a_function_of_shapes_and_alike_the_cheapest_by_the_model(case):
    geometry = geometry_of(case)
    chosen = best_cuts(geometry, 128)
    best_cuts.cache_clear()
    assert best_cuts(geometry, 128) == chosen
    cost = Tiles().cost(geometry, 128).total
    assert cost == cuts_cost(geometry, chosen, 128).total
    assert all(
        cost <= 1.15 * Tiles(size, of).cost(geometry, 128).total for size in (1, 2, 3) for of in ("outputs", "inputs")
    )


@pytest.mark.parametrize(("batch", "portions"), [(1, 1), (25, 1), (31, 4), (32, 4), (33, 4), (512, 64)])
def test_a_batch_is_taken_in_equal_portions_that_a_cache_holds_if_there_are_any(batch, portions):
    geometry = Geometry(windows((3, 3), (32, 32), padding="SAME"), 16, 16)
    assert Tiles().portions(geometry, batch) == portions


def test_small_values_beside_large_ones_are_as_exact_as_their_own_terms():
    """The outputs that do not read the large numbers are 4,096 ones, counted exactly."""
    x, w = jnp.ones((65_536, 1)).at[-1000:].set(1e8), jnp.ones((4096, 1, 1))
    untouched = slice(65_536 - 1000 - 4096 + 1)
    np.testing.assert_array_equal(conv(x, w)[untouched], 4096)
    assert float(jnp.abs(conv(x, w, form="fourier")[untouched] - 4096).max()) > 100


@pytest.mark.sampled(2)
@pytest.mark.parametrize("form", [Tiles(), Tiles(1), Tiles(1, "inputs"), Diagonals(), Polyphase(), Auto()], ids=str)
def test_a_program_does_not_grow_with_its_kernel(form):
    def lines(taps: int) -> int:
        x, w = jnp.ones((4 * taps, 1)), jnp.ones((taps, 1, 1))

        def gradients(x: Any, w: Any) -> Any:
            y, pull_back = jax.vjp(lambda x, w: conv(x, w, form=form, dilation=2), x, w)
            return pull_back(y)

        return len(jax.jit(gradients).lower(x, w).as_text().splitlines())

    assert lines(4096) < 1.1 * lines(512)


def test_no_form_calls_a_convolution_of_jax():
    case = CORNERS["3d_everything"]
    x, w, _ = case.data(0)
    for form in FORMS.values():
        program = str(jax.make_jaxpr(lambda x, w, form=form: conv(x, w, form=form, **case.options))(x, w))
        assert "conv_general_dilated" not in program
        assert "reduce_window" not in program


def test_the_dense_form_is_the_only_one_that_stores_zeros_outside_of_windows():
    w, geometry = jnp.ones((3, 1, 1)), Geometry(windows((3,), (1000,)), 1, 1)
    for form, largest in ((Dense(), 998 * 1000), (Tiles(4), 1000 * 6), (Diagonals(), 1000 * 3)):
        program = jax.make_jaxpr(lambda x, form=form: form.convolve(geometry, x, w, Arithmetic()))(
            np.ones((1, 1000, 1))
        )
        sizes = [int(np.prod(v.aval.shape)) for equation in equations(program) for v in equation.outvars]
        assert max(sizes) <= largest


@pytest.mark.parametrize("form", [Tiles(2, "inputs"), Winograd(), Winograd(2, "inputs")])
def test_the_operations_of_a_form_are_differentiated_and_mapped_like_any_function(form):
    case = CORNERS["2d"]
    x, w, y = case.data(0)
    x, y, geometry = images(case, x), images(case, y), geometry_of(case)
    product = lambda x, w: form.convolve(geometry, x, w, Arithmetic())
    right, pull_back = jax.vjp(lambda x, w: conv(x, w, **case.options), x, w)
    for found, expected in zip(jax.vjp(product, x, w)[1](y), pull_back(y), strict=True):
        np.testing.assert_array_equal(found, expected)
    both = jax.vmap(product, (0, None))(np.stack([x, 2 * x]), w)
    np.testing.assert_array_equal(both, np.stack([right, 2 * right]))


def test_on_a_gpu_short_floats_stay_short():
    x, w = jnp.ones((1, 5, 5, 2), jnp.bfloat16), jnp.ones((2, 2, 2, 3), jnp.bfloat16)
    f = jax.jit(lambda x, w: conv(x, w, form=Tiles(2), preferred_element_type="float32"))
    program = f.trace(x, w).lower(lowering_platforms=("cuda",)).as_text()
    (types,) = [line.rpartition(":")[2] for line in program.splitlines() if "dot_general" in line]
    assert types.count("xbf16>") == 2


OF_FEW_CHANNELS = [Tiles(), Tiles(2), Tiles(2, "inputs"), Diagonals(), Auto()]


@pytest.mark.parametrize("form", OF_FEW_CHANNELS, ids=str)
@pytest.mark.parametrize("function", [conv, conv_transpose])
def test_booleans_are_anded_and_ored(function, form):
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.random(shape) < 0.3) for shape in ((2, 8, 9, 4), (5, 3, 4, 4)))
    expected = function(x.astype(int), w.astype(int)) > 0
    np.testing.assert_array_equal(function(x, w, form=form), expected)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("form", [*OF_FEW_CHANNELS, Winograd()], ids=str)
@pytest.mark.parametrize("channels", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("function", [conv, conv_transpose])
def test_layers_without_channels_are_empty_or_zero_and_so_are_their_gradients(function, channels, form):
    c_in, c_out = channels
    x, w = jnp.ones((2, 6, 7, c_in)), jnp.ones((3, 3, *(channels if function is conv else (c_out, c_in))))
    y, pull_back = jax.vjp(lambda x, w: function(x, w, padding=1, form=form), x, w)
    assert (y.shape[-1], float(y.sum())) == (c_out, 0)
    assert [float(each.sum()) for each in pull_back(y)] == [0, 0]
