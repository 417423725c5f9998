"""A program is drawn beside its transpose, every node and label once."""

import jax.numpy as jnp

from minicnn import autodiff, conv, draw, ops
from minicnn.draw.programs import places

W = jnp.arange(1.0, 10.0).reshape(3, 3, 1, 1) - 4


def test_a_program_points_down_and_its_transpose_up():
    P = autodiff.make_program(lambda x, w: ops.sum(ops.tanh(conv(x, w)) + conv(x, w)), jnp.ones((4, 4, 1)), W)
    spots = places(P)
    assert len(set(spots)) == len(P.nodes)
    assert all(spots[arrow.source][1] < spots[arrow.target][1] for arrow in P.arrows)
    for axes, program in zip(draw.program(P), (P, P.T), strict=True):
        shown = [text.get_text() for text in axes.texts]
        assert all(any(text.startswith(f"{name}\n") for text in shown) for name in program.names)
        assert all(arrow.label in shown for arrow in program.arrows if arrow.label)
        written = [text.get_position() for text in axes.texts if text.get_text()]
        assert len(set(written)) == len(written)  # none hides another
