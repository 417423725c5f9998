"""The picture of a map in a notebook: every non-zero is there, negative ones are hollow, nothing large is listed."""

from html import escape
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv_map, lift
from minicnn.maps import picture


def squares(page):
    """Where each path of the picture has its squares, and whether they are hollow."""
    svg = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    found = {}
    for path in svg:
        for square in path.attrib["d"].split("M")[1:]:
            column, row = square.split("h")[0].split()
            found[int(row), int(column)] = "zm" in square
    return found


def test_every_non_zero_is_drawn():
    A = conv_map(jnp.array([1.0, -2.0, 3.0]).reshape(3, 1, 1), (6,), stride=2)
    C = np.asarray(A.matrix())
    page = A._repr_html_()
    assert squares(page) == {(r, c): bool(C[r, c] < 0) for r, c in np.argwhere(C)}
    assert "6 non-zeros of 12; hollow squares are negative" in page
    assert squares(A.T._repr_html_()) == {(c, r): hollow for (r, c), hollow in squares(page).items()}


def test_a_large_matrix_is_reduced_and_a_huge_one_only_named(monkeypatch):
    A = conv_map(jnp.ones((3, 1, 1)), (500,))
    page = A._repr_html_()
    assert "each square the largest of 7×7 entries" in page
    assert {(n, n) for n in range(71)} <= set(squares(page))
    monkeypatch.setattr(picture, "LISTED", 10)
    assert A._repr_html_() == f"<code>{A!r}</code>"


PARTS = {
    "a product": lambda x: 2 * jnp.conj(x),
    "a program": lambda x: jnp.fft.irfft(jnp.fft.rfft(jnp.real(x)) * 2, n=4),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_map_whose_entries_are_no_complex_numbers_is_only_named(name: str):
    A = lift(PARTS[name], jnp.ones(4, complex)).as_map()
    assert A._repr_html_() == f"<code>{escape(repr(A))}</code>"


def test_a_traced_map_is_only_named():
    pages = []
    jax.jit(lambda w: pages.append(conv_map(w, (4,))._repr_html_()))(jnp.ones((2, 1, 1)))
    assert pages[0].startswith("<code>ConvMap")
    assert "<svg" not in pages[0]
