"""The matrix of a function, found in every way that JAX and minicnn have: entry by entry, columns in blocks.

That of a map is laid out from its non-zeros.
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn import autodiff
from minicnn.autodiff import Program
from minicnn.forms import memory
from minicnn.identities.function import Function, Layout, Leaves, each
from minicnn.lift import lift
from minicnn.lift.recording import Fallback
from minicnn.maps import LinearMap

Product = Callable[[Leaves], Leaves]


def _one_hot(f: Function) -> Product:
    return lambda x: f(*x)


def _jvp(f: Function) -> Product:
    return lambda x_dot: jax.jvp(f, f.primals, x_dot)[1]


def _vjp(f: Function) -> Product:
    return lambda y_bar: jax.vjp(f, *f.primals)[1](y_bar)


def _linear_transpose(f: Function) -> Product:
    return lambda y_bar: jax.linear_transpose(f, *f.primals)(y_bar)


def _lifted(f: Function) -> np.ndarray:
    return lifted(f).to_scipy().toarray()


def _lifted_transposed(f: Function) -> np.ndarray:
    return lifted(f).T.to_scipy().toarray().T


def lifted(function: Function, fallback: Fallback = None) -> Program:
    """The program of a function, in which a `jax.custom_vjp` is what it computes, not what its own rule says."""
    places = range(len(function.primals))
    return lift(function, *function.primals, argnums=tuple(places), fallback=fallback, own_rules=False)


def _ours(f: Function) -> Product:
    return lambda x_dot: tuple(jax.tree.leaves(autodiff.jvp(f, f.primals, x_dot)[1]))


def _ours_transposed(f: Function) -> Product:
    return lambda y_bar: tuple(jax.tree.leaves(autodiff.vjp(f, *f.primals)[1](y_bar)))


FORWARD: dict[str, Callable[[Function], Product]] = {
    "one-hot inputs": _one_hot,
    "jvp": _jvp,
    "autodiff": _ours,
}
REVERSE: dict[str, Callable[[Function], Product]] = {
    "vjp": _vjp,
    "linear_transpose": _linear_transpose,
    "autodiff transposed": _ours_transposed,
}
# Ways that read a program, whose maps are multiplied out.
READ: dict[str, Callable[[Function], np.ndarray]] = {"lifted": _lifted, "lifted transposed": _lifted_transposed}
WAYS = ("one-hot inputs", "jvp", "vjp", "linear_transpose", "autodiff", "autodiff transposed", *READ)
# Bytes of the larger side of one block of columns: a few of them fit any cache, and most matrices are one block.
_BLOCK_BYTES = 2**24


def materialise(function: Function, way: str, unit: complex = 1) -> Shaped[np.ndarray, "out in"]:
    """Find the matrix of a function, or of its derivative at its arguments.

    Args:
        function: the function and the point.
        way: one of `WAYS`. The forward ones find columns, the reverse ones rows; what is lifted is multiplied out.
        unit: what the unit vectors are multiplied by, and the products divided by: 1j tells a map that is linear over
            the complex numbers from one that is so over the reals alone.

    Returns:
        The matrix as a NumPy array, rows and columns in the order of the leaves.
    """
    if way in READ:
        return READ[way](function)
    if way in FORWARD:
        return columns(FORWARD[way](function), function.inputs, function.outputs, unit).T
    return columns(REVERSE[way](function), function.outputs, function.inputs, unit)


def matrix_of(A: LinearMap) -> np.ndarray:
    """Build the dense matrix of a map in NumPy, without compiling anything."""
    matrix = np.zeros(A.shape, A.dtype)
    rows, columns, values = A.entries()
    np.add.at(matrix, (rows, columns), values)
    return matrix


def columns(product: Product, inputs: Layout, outputs: Layout, unit: complex = 1) -> Shaped[np.ndarray, "in out"]:
    """Multiply by every unit vector."""
    result = np.empty((inputs.size, outputs.size), outputs.dtype)
    for start, block in blocks(product, inputs, outputs, unit):
        result[start : start + len(block)] = block
    return result if unit == 1 else result / np.asarray(unit, result.dtype)


def blocks(
    product: Product, inputs: Layout, outputs: Layout, unit: complex = 1
) -> Iterator[tuple[int, Shaped[np.ndarray, "some out"]]]:
    """Multiply by every unit vector, in blocks that one compiled function computes, each with its first position."""
    n, m = inputs.size, outputs.size
    block = max(1, min(n, _BLOCK_BYTES // max(n, m, 1) // inputs.dtype.itemsize))

    @jax.jit
    def run(start: Array) -> Array:
        hot = jnp.arange(n)[None, :] == start + jnp.arange(block)[:, None]
        vectors = jnp.where(hot, jnp.asarray(unit, inputs.dtype), 0)
        return each(lambda vector: outputs.join(product(inputs.split(vector))))(vectors)

    for begin in range(0, n, block):
        start = min(begin, n - block)
        yield begin, np.asarray(run(jnp.asarray(start)))[begin - start :]


def check_room(function: Function, held: int) -> None:
    """Refuse a certificate that takes more than half of the memory, before anything is computed.

    Args:
        function: whose matrix it is.
        held: how many matrices of its size are held at once.

    Raises:
        MemoryError: with the size.
    """
    rows, columns = function.outputs.size, function.inputs.size
    memory.check_room(
        f"a certificate of a {rows}×{columns} matrix holds {held} of them at once",
        held * rows * columns * 2 * function.outputs.dtype.itemsize,
        "certify a smaller input; the identities are the same at every size",
    )
