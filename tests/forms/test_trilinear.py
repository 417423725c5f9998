"""τ as two primitives: derivatives of every order, and vmap over either operand or both."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn.forms import Arithmetic, Tiles, as_form
from minicnn.forms.tiles import Cuts
from minicnn.forms.trilinear import convolve, correlate
from tests.forms.test_forms import geometry_of
from tests.strategies import CORNERS

ARITHMETIC = Arithmetic()
NAMES = ["grouped", "stretched_and_strided", "flipped_padded_dilated", "negative_padding"]


def arrays(name: str, many: int = 3) -> tuple[Any, ...]:
    geometry, rng = geometry_of(CORNERS[name]), np.random.default_rng(0)
    shapes = (2, *geometry.in_shape), geometry.w_shape, (2, *geometry.out_shape)
    return geometry, *(jnp.asarray(rng.integers(-3, 4, (many, *shape)), jnp.float32) for shape in shapes)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("form", ["tiles", "dense", "diagonals"])
@pytest.mark.parametrize("name", NAMES)
def test_vmap_is_a_loop_over_either_operand_and_both(name: str, form: str) -> None:
    geometry, x, w, y = arrays(name)
    operations = {
        "convolve": (lambda x, w: convolve(x, w, geometry, as_form(form), ARITHMETIC), x, w),
        "correlate": (lambda x, y: correlate(x, y, geometry, as_form(form), ARITHMETIC), x, y),
    }

    @jax.jit
    def pairs() -> list[tuple[Any, Any]]:
        found = []
        for function, a, b in operations.values():
            for axes in ((0, None), (None, 0), (0, 0), (1, None)):
                a_dim, b_dim = axes
                left, right = (v if dim is not None else v[0] for v, dim in ((a, a_dim), (b, b_dim)))
                picked = lambda n: [
                    v if dim is None else jnp.take(v, n, dim)
                    for v, dim in ((left, a_dim), (right, b_dim))  # noqa: B023
                ]
                if a_dim == 1:
                    left = jnp.moveaxis(a, 0, 1)
                loop = jnp.stack([function(*picked(n)) for n in range(3)])
                found.append((jax.vmap(function, axes)(left, right), loop))
        return found

    for mapped, loop in pairs():
        np.testing.assert_array_equal(mapped, loop)


@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_are_the_trilinear_form_again(name: str) -> None:
    """∂²τ/∂x∂w, contracted with x_dot and w_dot, is τ(x_dot, w_dot, y)."""
    geometry, (x, x_dot, _), (w, w_dot, _), (y, *_) = arrays(name)
    tau = lambda x, w: (convolve(x, w, geometry, as_form("auto"), ARITHMETIC) * y).sum()

    @jax.jit
    def both() -> tuple[Any, Any, Any]:
        slope_x = lambda w: jnp.vdot(jax.grad(tau)(x, w), x_dot)
        slope_w = lambda x: jnp.vdot(jax.grad(tau, 1)(x, w), w_dot)
        return jnp.vdot(jax.grad(slope_x)(w), w_dot), jnp.vdot(jax.grad(slope_w)(x), x_dot), tau(x_dot, w_dot)

    over_w, over_x, expected = both()
    assert over_w == over_x == expected


def test_a_cotangent_has_the_dtype_of_its_operand() -> None:
    geometry, x, w, _ = arrays("grouped")
    x, w = x[0].astype(jnp.bfloat16), w[0].astype(jnp.bfloat16)
    y, pull_back = jax.vjp(lambda x, w: convolve(x, w, geometry, as_form("auto"), Arithmetic(None, jnp.float32)), x, w)
    assert y.dtype == jnp.float32
    assert [bar.dtype for bar in pull_back(y)] == [jnp.bfloat16, jnp.bfloat16]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("images", "portions"), [(6, 3), (7, 3), (11, 11)])
@pytest.mark.parametrize("dtype", ["float32", "int32", "bfloat16"])
def test_a_batch_in_portions_is_the_whole_batch(
    images: int, portions: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few portions stand in a row, more are counted."""
    monkeypatch.setattr(Cuts, "portions", lambda *_: portions)
    geometry, form = geometry_of(CORNERS["grouped"]), Tiles(2)
    shapes = (images, *geometry.in_shape), geometry.w_shape, (images, *geometry.out_shape)
    x, w, y = (jnp.asarray(np.random.default_rng(n).integers(0, 16, s), dtype) for n, s in enumerate(shapes))

    @jax.jit
    def products(x: Any, w: Any, y: Any) -> Any:
        return convolve(x, w, geometry, form, ARITHMETIC), correlate(x, y, geometry, form, ARITHMETIC)

    wide = [a.astype(jnp.promote_types(dtype, jnp.float32)) for a in (x, w, y)]
    whole = (
        form.convolve(geometry, wide[0], wide[1], ARITHMETIC),
        form.correlate(geometry, wide[0], wide[2], ARITHMETIC),
    )
    for one, exact in zip(products(x, w, y), whole, strict=True):
        assert one.dtype == dtype
        np.testing.assert_array_equal(np.asarray(one, float), np.asarray(exact.astype(dtype), float))
    for platform in ("cpu", "cuda", "tpu"):
        lowered = products.trace(x, w, y).lower(lowering_platforms=(platform,))
        assert ("while" in lowered.as_text()) == (platform == "cpu")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_in_portions_is_the_whole_batch_where_integers_are_wide(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cuts, "portions", lambda *_: 3)
    geometry, form = geometry_of(CORNERS["grouped"]), Tiles(2)
    shapes = (7, *geometry.in_shape), geometry.w_shape, (7, *geometry.out_shape)
    with jax.enable_x64(True):
        x, w, y = (jnp.asarray(np.random.default_rng(n).integers(0, 16, s), dtype) for n, s in enumerate(shapes))
        np.testing.assert_array_equal(
            convolve(x, w, geometry, form, ARITHMETIC), form.convolve(geometry, x, w, ARITHMETIC)
        )
        np.testing.assert_array_equal(
            correlate(x, y, geometry, form, ARITHMETIC), form.correlate(geometry, x, y, ARITHMETIC)
        )
