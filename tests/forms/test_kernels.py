"""What XLA's compiler for CPUs makes of convolutions: which loops there are, and which of them are equal."""

import re

import jax
import jax.numpy as jnp
import pytest

from minicnn import conv
from minicnn.forms import trilinear
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
def test_what_a_loop_over_portions_reads_is_computed_once():
    def f(w, x):
        x = jnp.sin(x)
        return conv(x, w, padding="SAME", form="winograd"), x

    program = compiled(f, jnp.ones((3, 3, 64, 64)), jnp.ones((32, 32, 32, 64)))
    assert "while(" in program
    assert len(re.findall(r" = \S+ sine\(", program)) == 1
