"""A whole network certified layer by layer: every operation at a point, its vjp against the transpose of its matrix."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from minicnn import maps
from minicnn.identities.comparison import Comparison, Tolerance, compare
from minicnn.identities.faults import likely_causes
from minicnn.identities.function import Function, Place
from minicnn.identities.materialise import REVERSE, blocks, lifted
from minicnn.identities.rounding import roundoff
from minicnn.lift.operations import Operation, operations_of

_MOST = 2**33  # entries of one matrix: a minute, where a column takes a microsecond per thousand entries
_EXPLAINED = 2**22  # entries of a matrix whose likely faults are looked for: 32 MB, of which a dozen are tried


def layer_by_layer(function: Function, resolution: Any) -> Iterator[Comparison]:
    """Compare the vjp of every operation with the transpose of its matrix, as lift finds it.

    A `jax.custom_vjp` is an operation whose matrix is that of what it computes; its own rule is what is in question.

    Args:
        function: the network and the point.
        resolution: the dtype whose digits decide.

    Yields:
        One comparison for each layer that holds, and one for each operation that does not, with its file and line.
    """
    layers: dict[str, list[Comparison]] = {}
    for operation in operations_of(function, function.primals):
        comparison = _of_operation(operation, resolution)
        if comparison is not None:
            layers.setdefault(operation.layer, []).append(comparison)
    for layer, found in layers.items():
        held = [comparison for comparison in found if comparison.ok]
        if held:
            yield _joined(f"{layer}: {_HOLDS}", held)
        yield from (replace(c, identity=f"{layer}: {c.identity}") for c in found if not c.ok)


_HOLDS = "vjp = Cᵀ"


def _of_operation(operation: Operation, resolution: Any) -> Comparison | None:
    """Compare one operation; None where none of its results is a float, or its matrix has no entries."""
    f = Function(operation, operation.primals)
    if not operation.varying or not f.outputs.like or not f.outputs.size * f.inputs.size:
        return None
    identity = f"{_HOLDS} of {operation}"
    rows, columns = f.outputs.size, f.inputs.size
    if rows * columns > _MOST:
        raise MemoryError(f"the matrix of {operation} is {rows}×{columns}: certify a smaller input")
    C = lifted(f, fallback="columns").to_scipy()
    largest = float(abs(C).max()) if C.nnz else 0.0
    tolerance = Tolerance(2 * (rows + columns) * roundoff(resolution) * largest + float(jnp.finfo(resolution).tiny))
    found = [
        compare(identity, block, C[start : start + len(block)].toarray(), lambda: tolerance, _from(f, start))
        for start, block in blocks(REVERSE["vjp"](f), f.outputs, f.inputs)
    ]
    comparison = _joined(identity, found)
    if comparison.ok or rows * columns > _EXPLAINED:
        return comparison
    return replace(comparison, causes=_causes(f, C.toarray()))


def _from(f: Function, start: int) -> Any:
    """Name the places of a block that begins with some row."""

    def locate(index: tuple[int, ...]) -> tuple[Place, Place, None]:
        return f.outputs.place(start + index[0]), f.inputs.place(index[1]), None

    return locate


def _causes(f: Function, expected: np.ndarray) -> tuple[str, ...]:
    """What would explain the rows that the vjp has."""
    actual = np.concatenate([block for _, block in blocks(REVERSE["vjp"](f), f.outputs, f.inputs)])
    alone = len(f.inputs.like) == len(f.outputs.like) == 1
    shapes = (f.inputs.like[0].shape, f.outputs.like[0].shape) if alone else ((f.inputs.size,), (f.outputs.size,))
    return likely_causes(maps.Dense(jnp.asarray(expected), *shapes, expected.dtype), actual, expected)


def _joined(identity: str, found: Sequence[Comparison]) -> Comparison:
    """Take several comparisons as one, with the entry that is furthest off."""
    furthest = max(found, key=lambda comparison: comparison.ratio)
    return replace(
        furthest,
        identity=identity,
        entries=sum(comparison.entries for comparison in found),
        differing=sum(comparison.differing for comparison in found),
        error=max(comparison.error for comparison in found),
        exact=all(comparison.exact for comparison in found),
    )
