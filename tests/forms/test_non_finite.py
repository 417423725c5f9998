"""How far NaN and Inf reach in every form: docs/decisions.md, "Stored zeros", states what is tested here."""

from functools import reduce
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv
from minicnn.axis import Axis
from minicnn.forms import Dense, Diagonals, Form, Fourier, Geometry, Polyphase, Tiles, Winograd, as_form
from minicnn.forms.cuts import Cut
from minicnn.forms.tiles import Cuts
from tests.forms.test_forms import geometry_of
from tests.strategies import Case

CASES = {
    "strided": Case((11,), (3,), stride=(2,), padding=((2, 1),), groups=2, channels=(2, 1)),
    "dilated": Case((14,), (3,), padding=((2, 1),), dilation=(2,), groups=2, channels=(2, 1)),
    "dilated on both axes": Case((7, 9), (2, 2), padding=((1, 2), (2, 0)), dilation=(2, 3), groups=2, channels=(1, 1)),
    "stretched": Case((6,), (3,), stretch=(2,), padding="SAME", groups=2, channels=(2, 1)),
    "two axes": Case((7, 6), (3, 2), padding="SAME", groups=2, channels=(1, 1)),
}
FORMS: dict[str, Form] = {
    "dense": Dense(),
    "im2col": Tiles(1),
    "tiles of 3": Tiles(3),
    "tiles of 2 inputs": Tiles(2, "inputs"),
    "diagonals": Diagonals(),
    "phases": Polyphase(Tiles((3, 1))),
    "phases in the tiles of least cost": Polyphase(),
    "auto": as_form("auto"),
    "winograd": Winograd(),
    "winograd's pairs": Winograd(2),
    "fourier": Fourier(),
}


def in_tiles(cut: Cut, axis: Axis, meet: np.ndarray | None = None) -> np.ndarray:
    """Which outputs lie in a tile with which inputs and, of those, meet there, (out, in)."""
    together = np.zeros((axis.out_size, axis.in_size), bool)
    meet = np.ones((cut.y.length, cut.x.length), bool) if meet is None else meet
    for tile in range(cut.x.count):
        held = [np.arange(s.length) * s.spacing + s.first + tile * s.step for s in (cut.y, cut.x)]
        (o, i), (a, b) = zip(*((p[k], np.flatnonzero(k)) for p, k in inside(held, together.shape)), strict=True)
        together[np.ix_(o, i)] |= meet[np.ix_(a, b)]
    return together


def inside(held: list[np.ndarray], shape: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(p, (p >= 0) & (p < n)) for p, n in zip(held, shape, strict=True)]


def reached(form: Form, geometry: Geometry) -> list[np.ndarray]:
    """For each axis which outputs a number at which input reaches, (out, in)."""
    form = form.settled(geometry, 2, jnp.dtype("float32"))
    if isinstance(form, Cuts):
        return [in_tiles(cut, axis) for cut, axis in zip(form.parts, geometry.axes, strict=True)]
    if isinstance(form, Winograd):
        parts = [(cut, (f.A != 0).astype(int) @ (f.B != 0).astype(int).T > 0) for cut, f in form.parts(geometry)]
        return [in_tiles(cut, axis, meet) for (cut, meet), axis in zip(parts, geometry.axes, strict=True)]
    if isinstance(form, Diagonals):
        return [axis.taps().any(1) for axis in geometry.axes]
    if isinstance(form, Polyphase):
        return [phases(*form_and_axes) for form_and_axes in split(form, geometry)]
    return [np.ones((axis.out_size, axis.in_size), bool) for axis in geometry.axes]


def split(form: Polyphase, geometry: Geometry) -> list[tuple[np.ndarray, np.ndarray, Axis]]:
    inside = reached(form.form, form.apart(geometry))
    return list(zip(inside[::2], inside[1::2], geometry.axes, strict=True))


def phases(places: np.ndarray, remainders: np.ndarray, axis: Axis) -> np.ndarray:
    """From positions in a phase and phases back to the axis; p mod n zeros stand in front of its inputs."""
    n = len(remainders)
    both = np.kron(places, remainders).astype(bool)
    return both[: axis.out_size, axis.low % n : axis.low % n + axis.in_size]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", CASES)
def test_a_number_that_is_not_finite_reaches_what_the_docs_say(name: str) -> None:
    case = CASES[name]
    geometry = geometry_of(case)
    x, w, y_bar = case.data(0)
    w, y_bar = np.where(w == 0, 1, w), np.where(y_bar == 0, 1, y_bar)
    forms = {key: form for key, form in FORMS.items() if key != "phases" or case.rank == 1}

    @jax.jit
    def products(x: Any, w: Any, y_bar: Any) -> dict[str, Any]:
        def all_three(form: Form) -> Any:
            y, pull_back = jax.vjp(lambda x, w: conv(x, w, form=form, **case.options), x, w)
            return y, *pull_back(y_bar)

        return {key: all_three(form) for key, form in forms.items()}

    finite = products(x, w, y_bar)
    for value, i in product((np.nan, np.inf), np.ndindex(*case.in_size)):
        spoiled = x.copy()
        spoiled[(1, *i, 1)] = value  # the second image, and a channel of the first or the second group
        for key, (y, x_bar, w_bar) in products(spoiled, w, y_bar).items():
            right_y, right_x, right_w = finite[key]
            group = 1 // case.channels[0]
            of_group = slice(group * case.channels[1], (group + 1) * case.channels[1])
            touched = np.zeros(y.shape, bool)
            axes = [both[:, place] for both, place in zip(reached(forms[key], geometry), i, strict=True)]
            touched[1, ..., of_group] = reduce(np.multiply.outer, axes)[..., None]
            np.testing.assert_array_equal(~np.isfinite(y), touched, err_msg=f"{key} {i}")
            np.testing.assert_allclose(np.where(touched, 0, y), np.where(touched, 0, right_y), atol=1e-4)
            np.testing.assert_array_equal(x_bar, right_x)
            hit = ~np.isfinite(np.asarray(w_bar))
            np.testing.assert_allclose(np.where(hit, 0, w_bar), np.where(hit, 0, right_w), atol=1e-4)
            read = np.zeros(case.w_shape, bool)
            met = [axis.taps()[:, :, place].any(0) for axis, place in zip(geometry.axes, i, strict=True)]
            read[..., 1 % case.channels[0], of_group] = reduce(np.multiply.outer, met)[..., None]
            may = np.zeros(case.w_shape, bool)
            may[..., 1 % case.channels[0], of_group] = True
            assert (hit >= read).all() and (hit <= may).all(), (key, i)
            if key == "diagonals" or (isinstance(forms[key], Winograd) and forms[key].suits(geometry)):
                assert (touched == y_reads(geometry, touched.shape, i, of_group)).all()
            if key == "diagonals":
                np.testing.assert_array_equal(hit, read)


def y_reads(geometry: Geometry, shape: tuple[int, ...], place: tuple[int, ...], of_group: slice) -> np.ndarray:
    """The outputs that read a number of the second image."""
    reads = np.zeros(shape, bool)
    axes = [axis.taps()[:, :, i].any(1) for axis, i in zip(geometry.axes, place, strict=True)]
    reads[1, ..., of_group] = reduce(np.multiply.outer, axes)[..., None]
    return reads


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", CASES)
def test_a_tap_that_is_not_finite_reaches_its_channel_at_most(name: str) -> None:
    case = CASES[name]
    x, w, _ = case.data(0)
    x = np.where(x == 0, 1, x)
    w = w.copy()
    w[(0,) * case.rank + (0, 1)] = np.nan
    geometry = geometry_of(case)
    met = [axis.taps()[:, 0].any(1) for axis in geometry.axes]
    forms = {key: form for key, form in FORMS.items() if key != "phases" or case.rank == 1}
    products = jax.jit(lambda x, w: {key: conv(x, w, form=form, **case.options) for key, form in forms.items()})
    for key, y in products(x, w).items():
        hit = np.isnan(np.asarray(y))
        assert hit[..., 1][:, reduce(np.multiply.outer, met)].all(), key
        assert not hit[..., 0].any(), key


@pytest.mark.parametrize("form", ["winograd", Winograd(2), "diagonals", "auto"])
def test_an_output_that_reads_nothing_is_zero_whatever_lies_beside_it(form):
    x = jnp.ones((4, 1)).at[1, 0].set(jnp.nan)
    y = conv(x, jnp.ones((1, 1, 1)), stretch=2, form=form)
    np.testing.assert_array_equal(np.isnan(y).ravel(), np.arange(7) == 2)
    x_bar = jax.vjp(lambda x: conv(x, jnp.ones((1, 1, 1)), stride=2, form=form), jnp.ones((7, 1)))[1](x)[0]
    np.testing.assert_array_equal(np.isnan(x_bar).ravel(), np.arange(7) == 2)
