"""What a process with eight simulated devices finds out about operations whose spatial axes lie across them.

Each is asked for its value, its gradients and those of their square, on a mesh and on one device, in small integers.
JSON on stdout says, of each case in the argument, whether the answers have the same bits, how they lie, and what is
exchanged.
"""

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import minicnn
from minicnn.forms import trilinear
from tests.simulated import attempt

Operation = tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...] | None]


def conv(**options: Any) -> Callable[..., Any]:
    return partial(minicnn.conv, **options)


CASES: dict[str, Operation] = {
    "same": (conv(padding="SAME"), (32, 3, 2), (3, 3, 2, 3)),
    "strided": (conv(padding="SAME", stride=(2, 1)), (32, 3, 2), (5, 2, 2, 2)),
    "dilated": (conv(padding="SAME", dilation=(3, 1)), (32, 2, 2), (3, 1, 2, 2)),
    "dilated and strided": (conv(padding=((4, 3), (0, 0)), dilation=(2, 1), stride=(4, 1)), (32, 1, 1), (5, 1, 1, 2)),
    "a halo wider than a block": (conv(padding="SAME"), (16, 1, 1), (9, 1, 1, 2)),
    "a halo of half the image": (conv(padding="SAME"), (16, 2, 1), (15, 1, 1, 1)),
    "padding of one side": (conv(padding=((4, 0), (0, 0))), (16, 2, 1), (5, 1, 1, 1)),
    "negative padding": (conv(padding=((-4, -4), (0, 0))), (24, 2, 1), (1, 1, 1, 1)),
    "fewer outputs": (conv(), (24, 2, 1), (9, 1, 1, 1)),
    "stretched": (conv(padding=((2, 2), (0, 0)), stretch=(2, 1)), (16, 2, 1), (4, 1, 1, 2)),
    "stretched, odd blocks": (conv(padding=((1, 1), (0, 0)), stretch=(2, 1)), (8, 2, 1), (2, 1, 1, 2)),
    "stretched and strided": (conv(padding=((3, 2), (0, 0)), stretch=(3, 1), stride=(2, 1)), (16, 1, 1), (5, 1, 1, 1)),
    "groups": (conv(padding="SAME", groups=2), (16, 3, 4), (3, 3, 2, 4)),
    "transposed": (partial(minicnn.conv_transpose, stride=(2, 1), padding="SAME"), (16, 3, 3), (3, 3, 2, 3)),
    "circular": (conv(padding="SAME", padding_mode="circular"), (16, 3, 1), (3, 3, 1, 2)),
    "as tiles": (conv(padding="SAME", form="tiles"), (16, 3, 2), (3, 3, 2, 2)),
    "as diagonals": (conv(padding="SAME", form="diagonals"), (16, 3, 2), (3, 3, 2, 2)),
    "dense": (conv(padding="SAME", form="dense"), (16, 2, 1), (3, 3, 1, 2)),
    "max pool": (lambda x: minicnn.max_pool(x, (2, 2)), (32, 4, 2), None),
    "max pool, padded": (lambda x: minicnn.max_pool(x - 9, (3, 3), stride=(2, 2), padding=1), (32, 4, 2), None),
    "average pool": (lambda x: minicnn.avg_pool(x, (3, 2), stride=(2, 2), padding=((1, 1), (0, 0))), (32, 4, 2), None),
    "average pool, padding counted": (
        lambda x: minicnn.avg_pool(x, (4, 2), stride=(2, 2), padding=((1, 1), (0, 0)), count_include_pad=True),
        (32, 4, 2),
        None,
    ),
    "two axes": (conv(padding="SAME"), (16, 12, 2), (5, 3, 2, 2)),
    "images and rows": (conv(padding="SAME", stride=(2, 1)), (32, 4, 2), (3, 3, 2, 2)),
    "in portions": (conv(padding="SAME"), (16, 3, 2), (3, 3, 2, 3)),
    "in portions, as many channels": (conv(padding="SAME"), (16, 3, 2), (3, 3, 2, 2)),
}
LAYOUTS = {"two axes": ((4, 2), P(None, "a", "b")), "images and rows": ((2, 4), P("a", "b"))}
WHOLE = {"circular"}  # the padding before it reads the other end


def arrays(x_shape: tuple[int, ...], w_shape: tuple[int, ...] | None) -> list[jax.Array]:
    draw = np.random.default_rng(0)
    shapes = [(2, *x_shape), *([w_shape] if w_shape else [])]
    return [jnp.asarray(draw.integers(-4, 5, shape), jnp.float32) for shape in shapes]


def answers(f: Callable[..., Any], *operands: Any) -> list[Any]:
    """The value, the gradients of its sum with a pattern, and those of the square of the gradient."""
    every = tuple(range(len(operands)))

    def loss(*a: Any) -> Any:
        y = f(*a)
        return (y * (2.0 + jax.lax.stop_gradient(jnp.sign(y)))).sum(), y

    def slope(*a: Any) -> Any:
        gradients, y = jax.grad(loss, every, has_aux=True)(*a)
        return sum((g * jnp.sign(g)).sum() for g in gradients), (y, gradients)

    second, (y, gradients) = jax.grad(slope, every, has_aux=True)(*operands)
    return [y, *gradients, *second]


def compared(name: str) -> dict[str, Any]:
    if name.startswith("in portions"):
        with mock.patch.object(trilinear, "_portions", lambda *_: 2):
            return _compared(name)
    return _compared(name)


def _compared(name: str) -> dict[str, Any]:
    f, *shapes = CASES[name]
    operands = arrays(*shapes)
    expected = jax.jit(partial(answers, f))(*operands)
    shape, spec = LAYOUTS.get(name, ((8,), P(None, "a")))
    mesh = jax.make_mesh(shape, ("a", "b")[: len(shape)], axis_types=(AxisType.Explicit,) * len(shape))
    with jax.set_mesh(mesh):
        x, *w = operands
        run = jax.jit(partial(answers, f))
        found = run(jax.reshard(x, spec), *w)
        program = jax.jit(f).lower(jax.reshard(x, spec), *w).compile().as_text()
    lies = jax.typeof(found[0]).sharding.spec
    return {
        "same": all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)),
        "lies": tuple(lies)[: len(spec)] == tuple(spec),
        "moved": re.findall(r"(\S+) (?:all-gather|all-to-all|all-reduce)\(", program),
    }


if __name__ == "__main__":
    print(json.dumps([attempt(compared, name) for name in json.loads(sys.argv[1])]))
