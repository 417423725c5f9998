"""One small map of every kind, with small integers for entries."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from minicnn import Axis, conv_map, maps, patch_map
from minicnn.forms import tables
from minicnn.functional.local import local_map, tiled_map
from minicnn.maps import LinearMap

F32, I32 = jnp.dtype("float32"), jnp.dtype("int32")
OVERLAPPING = (Axis.of(5, 3, padding=1, stride=2), Axis.of(4, 2))


def integers(*shape: int) -> jax.Array:
    """Integers from −4 to 4 without 0, so that every structural non-zero is one."""
    values = np.random.default_rng(sum(shape)).integers(1, 5, shape)
    return jnp.asarray(values * (-1) ** np.arange(values.size).reshape(shape), jnp.float32)


def matrix(out: int, into: int) -> maps.Dense:
    return maps.Dense(integers(out, into), (into,), (out,), F32)


def selection(lead: tuple[int, ...] = ()) -> maps.Selection:
    drawn, place = np.random.default_rng(0), np.indices((*lead, 3, 3, 2))
    rows = np.clip(2 * place[-3] - 1 + drawn.integers(0, 3, place[0].shape), 0, 4)  # some windows begin in padding
    columns = place[-2] + drawn.integers(0, 2, place[0].shape)
    return maps.Selection(jnp.asarray(4 * rows + columns, jnp.int32), OVERLAPPING, lead, 2, F32)


def power_window_sum(lead: tuple[int, ...] = ()) -> maps.PowerWindowSum:
    columns, rows = (0.5 ** jnp.abs(integers(*lead, *size, 2)) for size in ((5, 4), (3, 3)))
    return maps.PowerWindowSum(columns, rows, 2.0, OVERLAPPING, lead, 2, F32)


def convolution() -> maps.LinearMap:
    return conv_map(integers(3, 2, 2, 4), (5, 4), stride=(2, 1), padding="SAME", groups=2)


def triangular(left_side: bool, lower: bool) -> maps.TriangularSolve:
    """Two systems, whose inverses are of integers because the diagonals are of ones."""
    shape = (2, 3, 1) if left_side else (2, 2, 3)
    return maps.TriangularSolve(integers(2, 3, 3), left_side, lower, False, False, True, shape, F32)


def tridiagonal() -> tuple[jax.Array, jax.Array, jax.Array]:
    """Two systems with powers of two on the diagonals."""
    below = jnp.array([[0.0, 2.0, 1.0], [0.0, 1.0, 0.0]])
    return below, jnp.ones((2, 3)), jnp.array([[0.0, 0.0, 0.0], [-1.0, 2.0, 0.0]])


MEMBERS: dict[str, Callable[[], LinearMap]] = {
    "AveragePool": lambda: maps.AveragePool((Axis.of(5, 2, padding=1), Axis.of(4, 2, 2)), 2, ((0, 0), (0, 0)), F32),
    "AveragePool.T": lambda: maps.AveragePool((Axis.of(4, 4, 2, 1),), 1, ((1, 1),), F32).T,
    "Batched": lambda: maps.Batched(matrix(2, 3), (2, 1)),
    "BinAverage": lambda: maps.BinAverage((tables.BinAxis(5, 4), tables.BinAxis(3, 2)), 2, F32),
    "BinSum": lambda: maps.BinSum((tables.BinAxis(5, 3), tables.BinAxis(3, 2)), 2, F32),
    "Block": lambda: maps.block([[matrix(2, 3), None], [matrix(4, 3), matrix(4, 2)]]),
    "Broadcast": lambda: maps.Broadcast((0, 2), (3, 1), (2, 3, 4), F32),
    "Compose": lambda: matrix(2, 3) @ matrix(3, 4) @ matrix(4, 2),
    "Compose of others": lambda: maps.Reshape((3, 4, 4), (48,), F32) @ convolution(),
    "Contraction": lambda: maps.Contraction(integers(3, 4), ("ij", "jk", "ik"), (2, 3), (2, 4), None, F32),
    "ConvMap": convolution,
    "ConvMap.T": lambda: convolution().T,
    "ConvMap dense": lambda: conv_map(integers(3, 1, 2), (6,), stretch=2, dilation=2, padding="FULL", form="dense"),
    "ConvMap diagonals": lambda: conv_map(integers(2, 1, 2), (6,), stride=2, flip=True, form="diagonals"),
    "CumulativeSum": lambda: maps.CumulativeSum(1, False, (2, 3, 2), F32),
    "CumulativeSum.T": lambda: maps.CumulativeSum(0, False, (3, 2), F32).T,
    "Dense": lambda: matrix(3, 4),
    "Diagonal": lambda: maps.Diagonal(integers(2, 3), (2, 3), F32),
    "Gather": lambda: maps.Gather(jnp.array([[1, 4], [1, 0]], jnp.int32), (2, 3), (2, 2), F32),
    "Gather of nothing": lambda: maps.Gather(jnp.array([[5, -1, 6], [2, 5, 7]], jnp.int32), (2, 3), (2, 3), F32),
    "InverseDiagonal": lambda: maps.InverseDiagonal(jnp.array([[1.0, -2.0], [4.0, 0.5]]), (2, 2), F32),
    "Kronecker": lambda: maps.kronecker(matrix(2, 3), maps.identity((2,), F32), matrix(1, 2)),
    "LocalMap": lambda: local_map(integers(2, 2, 2, 1, 2, 3), (5, 3), stride=2),
    "Mask": lambda: maps.Mask(jnp.array([True, False, True]), (3,), F32),
    "Pad": lambda: maps.Pad((tables.PadAxis(4, 2, 1, "reflect"), tables.PadAxis(3, 1, 0)), 2, F32),
    "PatchMap": lambda: patch_map(integers(2, 5, 4, 4), (3, 2, 2, 4), stride=(2, 1), padding="SAME", groups=2),
    "PatchMap of no image": lambda: patch_map(integers(0, 5, 2), (3, 2, 1)),
    "PatchMap.T": lambda: patch_map(integers(5, 2), (3, 2, 2), padding="FULL", stride=2, flip=True).T,
    "Permute": lambda: maps.Permute((2, 0, 1), (2, 3, 4), F32),
    "Reshape": lambda: maps.Reshape((2, 3), (6,), F32),
    "Reverse": lambda: maps.Reverse((0, 2), (2, 3, 2), F32),
    "Scale": lambda: maps.Scale(jnp.array(3.0), (2, 3), F32),
    "PowerWindowSum": power_window_sum,
    "PowerWindowSum of a batch": lambda: power_window_sum((3,)),
    "PowerWindowSum of no image": lambda: power_window_sum((0,)),
    "Selection": selection,
    "Selection of a batch": lambda: selection((3,)),
    "Selection of no image": lambda: selection((0,)),
    "Slice": lambda: maps.Slice((1, 0), (5, 3), (2, 1), (6, 3), F32),
    "Sum": lambda: matrix(2, 3) + matrix(2, 3) - maps.Dense(integers(2, 3)[::-1], (3,), (2,), F32),
    "TiledMap": lambda: tiled_map(integers(2, 3, 2, 2), (5,), padding="SAME"),
    "Transposed": lambda: maps.Transposed(maps.Unfold(OVERLAPPING, 2, F32)),
    "TriangularSolve": lambda: triangular(left_side=True, lower=True),
    "TriangularSolve from the right": lambda: triangular(left_side=False, lower=False),
    "TriangularSolve.T": lambda: triangular(left_side=False, lower=True).T,
    "TridiagonalSolve": lambda: maps.TridiagonalSolve(*tridiagonal(), (2, 3, 2), F32),
    "TridiagonalSolve.T": lambda: maps.TridiagonalSolve(*tridiagonal(), (2, 3, 1), F32).T,
    "Unfold": lambda: maps.Unfold(OVERLAPPING, 2, F32),
    "Vary": lambda: maps.Vary((), (2, 3), F32),  # over several devices in tests.functional.meshes
    "WindowSum": lambda: maps.WindowSum(OVERLAPPING, 2, F32),
    "WindowSum.T": lambda: maps.WindowSum((Axis.of(6, 2, 3, 1),), 1, F32).T,
    "identity": lambda: maps.identity((2, 2), F32),
}
