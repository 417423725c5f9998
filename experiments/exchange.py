"""What eight simulated devices send each other: a process of its own, because JAX counts its devices once.

Programs are compiled and read: each collective states what one device receives. JSON on stdout.
"""

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

import minicnn

DEVICES = 8
# A layer: taps, stride, dilation, channels in and out.
LAYERS = {
    "3×3": (3, 1, 1, 8, 8),
    "5×5": (5, 1, 1, 8, 8),
    "3×3, stride 2": (3, 2, 1, 8, 8),
    "3×3, dilation 4": (3, 1, 4, 8, 8),
    "7×7, stride 2": (7, 2, 1, 3, 8),
}
GRIDS = {"8 strips": (8, 1), "4×2 blocks": (4, 2)}
_COLLECTIVE = re.compile(
    r"= (?:\()?f32\[([\d,]*)\]\S* (all-gather|all-reduce|all-to-all|collective-permute)(?:-start)?\("
)


def received(function: Callable[..., Any], *operands: Any) -> dict[str, int]:
    """The bytes that a device receives while it computes a function, by the kind of exchange."""
    found: Counter[str] = Counter()
    program = jax.jit(function).lower(*operands).compile().as_text() or ""
    for shape, kind in _COLLECTIVE.findall(program):
        found[kind] += 4 * math.prod(int(n) for n in shape.split(",") if n)
    return dict(found)


def library(k: int, s: int, d: int) -> dict[str, Callable[..., Any]]:
    """The same layer by minicnn and by XLA's own convolution."""
    words = ("NHWC", "HWIO", "NHWC")
    return {
        "minicnn": lambda x, w: minicnn.conv(x, w, stride=s, padding="SAME", dilation=d),
        "lax": lambda x, w: jax.lax.conv_general_dilated(
            x, w, (s, s), "SAME", rhs_dilation=(d, d), dimension_numbers=words
        ),
    }


def mesh_of(grid: tuple[int, int]) -> Mesh:
    """A mesh of devices along rows and columns of an image, which arrays say that they lie on."""
    return jax.make_mesh(grid, ("rows", "columns"), axis_types=(AxisType.Explicit,) * 2)


def layers(size: int) -> dict[str, Any]:
    """What each layer exchanges on each grid, forward and with its gradients."""
    found: dict[str, Any] = {}
    for grid, shape in GRIDS.items():
        mesh = mesh_of(shape)
        for name, (k, s, d, c_in, c_out) in LAYERS.items():
            with jax.set_mesh(mesh):
                x = jax.reshard(jnp.ones((1, size, size, c_in)), P(None, "rows", "columns"))
                w = jnp.ones((k, k, c_in, c_out))
                for who, f in library(k, s, d).items():
                    step = jax.grad(lambda x, w, f=f: (f(x, w) ** 2).sum(), (0, 1))
                    found[f"{name}, {grid}, {who}"] = {"forward": received(f, x, w), "step": received(step, x, w)}
    return found


def lenet(p: Any, x: Any) -> Any:
    """LeNet's four layers of windows on images of any size, the mean of what they find, and its ten outputs."""
    for w in (p["C1"], p["C3"]):
        x = minicnn.avg_pool(jnp.tanh(minicnn.conv(x, w, padding="SAME")), (2, 2))
    return x.mean((1, 2)) @ p["F6"]


def network(size: int) -> dict[str, Any]:
    """The gradients of LeNet on one image by one device and by all, and what a step exchanges."""
    keys = jax.random.split(jax.random.key(0), 4)
    shapes = {"C1": (5, 5, 1, 6), "C3": (5, 5, 6, 16), "F6": (16, 10)}
    p = {name: jax.random.normal(key, shape) / 5 for key, (name, shape) in zip(keys, shapes.items(), strict=False)}
    x = jax.random.normal(keys[3], (1, size, size, 1))
    step = jax.value_and_grad(lambda p, x: (lenet(p, x) ** 2).sum())
    alone = jax.jit(step)(p, x)
    with jax.set_mesh(mesh_of(GRIDS["8 strips"])):
        spread = jax.reshard(x, P(None, "rows"))
        together, exchanged = jax.jit(step)(p, spread), received(step, p, spread)
    gaps = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max() / jnp.abs(a).max()), alone, together)
    return {"gap": max(jax.tree.leaves(gaps)), "exchanged": exchanged}


def ask(size: int, image: int) -> dict[str, Any]:
    """Ask a process with eight devices about layers on maps of one size and about LeNet on an image of another."""
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "experiments.exchange", str(size), str(image)]
    where = Path(__file__).parents[1]
    done = subprocess.run(
        command, cwd=where, env={**os.environ, **flags}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps({"layers": layers(int(sys.argv[1])), "lenet": network(int(sys.argv[2]))}))
