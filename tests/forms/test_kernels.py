"""What XLA's compiler for CPUs makes of convolutions and pools: which loops there are, and which of them are equal."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest

from minicnn import conv, lp_pool, max_pool
from minicnn.forms import Tiles, Winograd, trilinear
from minicnn.forms.tiles import Cuts
from tests.processors import on_a_cpu


def compiled(f, *arguments) -> str:
    return str(jax.jit(f).lower(*arguments).compile().as_text())


def kernels(program: str) -> set[str]:
    """The different loops of a program: equal ones are compiled once, whatever their names are."""
    return set(map(_without_names, re.findall(r"^%fused_computation[^\n]*\{\n.*?^\}", program, re.M | re.S)))


def _without_names(computation: str) -> str:
    text = re.sub(r", metadata=\{.*?\}|, backend_config=\{.*\}", "", computation)
    numbers: dict[str, int] = {}
    return re.sub(
        r"%?[A-Za-z_-]+[\w.-]*\.\d+|%[\w.-]+", lambda name: f"%{numbers.setdefault(name[0], len(numbers))}", text
    )


@on_a_cpu
def test_the_sums_of_tiles_are_the_same_kernels_for_the_images_and_for_their_gradient():
    y = lambda w, x: conv(x, w, padding="SAME", form="winograd")
    both = lambda w, x, y_bar: (y(w, x), jax.vjp(lambda x: y(w, x), x)[1](y_bar))
    w, x = jnp.ones((3, 3, 8, 8)), jnp.ones((2, 8, 8, 8))
    sums = lambda *program: {kernel for kernel in kernels(compiled(*program)) if " gather(" in kernel}
    assert sums(y, w, x) == sums(both, w, x, x)


@on_a_cpu
@pytest.mark.parametrize("portions", [1, 4])
@pytest.mark.parametrize("form", ["winograd", "tiles", "auto"])
@pytest.mark.parametrize("taps", [1, 3])
def test_no_kernel_is_transposed_for_the_gradient_in_the_images(taps, form, portions, monkeypatch):
    monkeypatch.setattr(trilinear, "_portions", lambda *_: portions)
    w, x, y_bar = jnp.ones((taps, taps, 8, 16)), jnp.ones((8, 6, 6, 8)), jnp.ones((8, 6, 6, 16))
    x_bar = lambda w, y_bar: jax.vjp(lambda x: conv(x, w, padding="SAME", form=form), x)[1](y_bar)
    program = compiled(x_bar, w, y_bar)
    assert not re.search(rf"f32\[{taps},{taps},16,8\]\S* (copy|transpose|fusion)", program)
    if taps == 1:
        assert not re.search(r"f32\[16,8\]\S* (copy|transpose|fusion)", program)


@on_a_cpu
def test_tiles_that_hold_each_tap_once_are_neither_summed_nor_copied():
    def gradients(y_bar, w, x):
        return jax.vjp(lambda w, x: conv(x, w, stride=100), w, x)[1](y_bar)

    program = compiled(gradients, jnp.ones((1, 991, 1)), jnp.ones((1000, 1, 1)), jnp.ones((1, 100_000, 1)))
    assert not re.search(r"f32\[1,100000,1\]\S* copy\(", program)
    assert not re.search(r" (reduce|reverse)\(", program)


@on_a_cpu
def test_what_a_loop_over_portions_reads_is_computed_once():
    def f(w, x):
        x = jnp.sin(x)
        return conv(x, w, padding="SAME", form="winograd"), x

    program = compiled(f, jnp.ones((3, 3, 64, 64)), jnp.ones((32, 32, 32, 64)))
    assert "while(" in program
    assert len(re.findall(r" = \S+ sine\(", program)) == 1


@on_a_cpu
@pytest.mark.parametrize("portioned", [(), (Winograd,), (Cuts,), (Winograd, Cuts)])
def test_a_loop_over_the_images_is_one_kernel_whatever_form_has_computed_them(portioned, monkeypatch):
    """Sums of tiles are lists, and products of rows matrices: read as such they would be other loops."""
    monkeypatch.setattr(trilinear, "_portions", lambda form, *_: 2 if isinstance(form, portioned) else 1)

    def layers(x, w):
        forms = (w, "winograd"), (w, Tiles((1, 8))), (w[:1, :1], "tiles")
        return [jnp.sin(2 * conv(x, w, padding="SAME", form=form)) for w, form in forms]

    program = compiled(layers, jnp.ones((4, 8, 8, 16)), jnp.ones((3, 3, 16, 16)))
    assert len([kernel for kernel in kernels(program) if " sine(" in kernel]) == 1


@on_a_cpu
@pytest.mark.parametrize(("portions", "counts"), [(2, False), (8, False), (16, True)])
def test_few_portions_are_neither_counted_nor_compared(portions, counts, monkeypatch):
    monkeypatch.setattr(trilinear, "_portions", lambda *_: portions)
    program = compiled(
        lambda x, w: conv(x, w, padding="SAME", form="tiles"), jnp.ones((16, 6, 6, 4)), jnp.ones((3, 3, 4, 4))
    )
    assert "while(" in program
    assert (" compare(" in program) == counts


@on_a_cpu
def test_the_matrix_of_a_tile_is_laid_out_once_for_all_portions(monkeypatch):
    monkeypatch.setattr(trilinear, "_portions", lambda *_: 4)
    y = lambda x, w: conv(x, w, padding="SAME", form=Tiles((1, 8)))
    program = compiled(y, jnp.ones((8, 8, 8, 8)), jnp.ones((3, 3, 8, 16)))
    (loop,) = re.findall(r"body=%([\w.-]+)", program)
    body = re.search(rf"^%{re.escape(loop)} .*?^\}}", program, re.M | re.S)
    assert body is not None
    assert re.search(r"= f32\[(240,128|30720)\]\S* fusion", program)
    assert not re.search(r"= f32\[(240,128|30720)\]\S* fusion", body[0])


@on_a_cpu
@pytest.mark.parametrize("left_over", [0, 1])
@pytest.mark.parametrize("pool", [max_pool, partial(lp_pool, p=2)], ids=["maximum", "p = 2"])
@pytest.mark.parametrize(("window", "loops"), [((2, 2), 1), ((3, 3), 1), ((5, 2), 1), ((4, 4), 2), ((64, 64), 2)])
def test_windows_side_by_side_are_one_loop_if_the_last_axis_has_few_taps(window, loops, pool, left_over):
    """What a pool reads is computed in its loop."""
    x = jnp.ones((1, *(2 * k + left_over for k in window), 8))
    assert len(kernels(compiled(lambda x: pool(jnp.sin(x), window), x))) == loops
