"""One function, what is claimed of it, what is found, and how far the two may lie apart."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.identities.comparison import Comparison, Tolerance, compare
from minicnn.identities.faults import likely_causes, tap_at
from minicnn.identities.function import Function, Place
from minicnn.identities.magnitudes import Sums, UnderivableError, input_roundoff, sums_backwards, sums_of
from minicnn.identities.materialise import WAYS, materialise
from minicnn.identities.points import Points
from minicnn.identities.rounding import Terms, exact_range, product_bound, roundoff
from minicnn.maps import LinearMap


@dataclass(frozen=True, eq=False)
class Claim:
    """What is claimed of one function. Everything else follows from these fields, each when it is first asked for.

    Attributes:
        function: the function, and the point.
        matrix: its claimed matrix, as an array or a map; None where nothing is claimed.
        exact: whether no difference is allowed where all numbers are integers.
        reference: the matrix in float64 that each side is held to, or None.
        ways: the ways to take.
        resolution: the dtype whose digits decide, where the function itself is computed in a wider one.
        constant: whether f(0) may differ from zero.
        at_point: whether the claim is about the derivative at the point, and not about a linear function.
    """

    function: Function
    matrix: Any
    exact: bool
    reference: Any
    ways: tuple[str, ...] = WAYS
    resolution: Any = None
    constant: bool = False
    at_point: bool = False

    @cached_property
    def map(self) -> LinearMap | None:
        """The claimed map; None where the claim is an array or nothing."""
        return self.matrix if isinstance(self.matrix, LinearMap) else None

    @cached_property
    def claimed(self) -> np.ndarray | None:
        """The claimed matrix; None where nothing is claimed."""
        matrix = self.matrix.matrix() if self.map is not None else self.matrix
        return None if matrix is None else np.asarray(matrix)

    @cached_property
    def expected(self) -> np.ndarray:
        """The matrix that every side is compared with: the reference, the claim, or what the first way finds."""
        if self.referred is not None:
            return self.referred
        return self.claimed if self.claimed is not None else self._first[1]

    @property
    def first(self) -> str | None:
        """The way that the others are compared with where nothing else is claimed; None where something is."""
        return self._first[0] if self.referred is None and self.claimed is None else None

    @cached_property
    def _first(self) -> tuple[str, np.ndarray]:
        """The first way that can be taken, and what it finds; "" where a function has no derivative at all."""
        if not self.at_point:
            return "one-hot inputs", self.side("one-hot inputs")
        lifted = ("lifted",) if "lifted" in self.ways else ()
        for way in ("jvp", *lifted, "vjp", "autodiff", "autodiff transposed"):
            with suppress(Exception):  # a function may lack any of its derivatives
                return way, self.side(way)
        return "", np.empty((self.function.outputs.size, self.function.inputs.size))

    def side(self, way: str, unit: complex = 1) -> np.ndarray:
        """Find the matrix in one way."""
        found = materialise(self.function, way, unit)
        if self.constant and way == "one-hot inputs":
            return found - self.points.at_zero[:, None].astype(found.dtype)
        return found

    @cached_property
    def points(self) -> Points:
        """The function at its arguments and a few other points."""
        return Points.of(self.function)

    def compare(self, identity: str, actual: np.ndarray) -> Comparison:
        """Compare a side with what is expected."""
        return compare(identity, actual, self.expected, lambda: self.tolerance, self.locate, self.explain)

    def locate(self, index: tuple[int, ...]) -> tuple[Place, Place | None, tuple[int, ...] | None]:
        """Name the output, the input and the tap of an entry of the matrix, or the output of an entry of a vector."""
        row, column = (*index, -1)[:2]
        output = self.function.outputs.place(row)
        if column < 0:
            return output, None, None
        return output, self.function.inputs.place(column), tap_at(self.map, row, column)

    def explain(self, actual: np.ndarray, expected: np.ndarray) -> tuple[str, ...]:
        """Find the likely causes of a difference; ways that find the same wrong matrix have the same causes."""
        key = actual.tobytes()
        if key not in self._causes:
            self._causes[key] = likely_causes(self.map, actual, expected)
        return self._causes[key]

    @cached_property
    def _causes(self) -> dict[bytes, tuple[str, ...]]:
        """The causes that were looked for already, by the matrix that was found: the search takes a while."""
        return {}

    @cached_property
    def linear(self) -> Function:
        """The linear function behind all sides: the function, or at a point the claimed map or JAX's linear program."""
        if not self.at_point:
            return self.function
        if self.map is not None:
            A = self.map
            return Function(A, (jnp.zeros(A.in_shape, A.dtype),))
        try:
            _, derivative = jax.linearize(self.function, *self.function.primals)
        except Exception as error:  # a function may lack this derivative, for reasons of its own
            raise UnderivableError("a function whose maps are not known") from error
        return Function(derivative, tuple(map(jnp.zeros_like, self.function.primals)))

    @cached_property
    def sums(self) -> Sums:
        """The sums behind every entry."""
        return sums_of(self.linear)

    @cached_property
    def sums_both_ways(self) -> Sums:
        """The sums behind every entry, forwards or backwards; where backwards none are known, what they could be."""
        try:
            return self.sums.joined(sums_backwards(self.linear))
        except Exception:  # a function may lack this derivative, for reasons of its own
            return self.sums.either_way

    @cached_property
    def tolerance(self) -> Tolerance:
        """The distance that two sides may have, entry by entry."""
        if self.referred is not None or self.resolution is not None:
            return Tolerance(self._scale())
        return self.bound()

    def bound(self, vector: np.ndarray | None = None) -> Tolerance:
        """Derive the tolerance of the matrix, or of its product with a vector of these absolute values."""
        if self.resolution is not None:
            return Tolerance(self._scale() * (1 if vector is None else float(vector.sum())))
        try:
            sums = self.sums
        except UnderivableError as step:
            return Tolerance(None, f'no bound is known for {step}: give reference="float64"')
        if self.exact and sums.integral and self._size(sums, vector).max(initial=0) <= exact_range(sums.dtype):
            return Tolerance(0.0)
        sums = self.sums_both_ways
        size, terms = self._size(sums, vector), self._terms(sums, vector)
        if self.at_point and self.map is None:  # the numbers in the derivative are rounded too, in no known way
            bound = product_bound(size, terms)
            return Tolerance(bound, 'beyond its sums no bound is known: give reference="float64"', refutes=False)
        name, v = input_roundoff(self.function)
        bound = product_bound(size, terms) + 4 * v * size
        if not np.isfinite(bound).all():
            most = int(np.max(sum(terms.values())))
            return Tolerance(None, f"sums of {most} terms have no rounding bound in {sums.dtype.name}")
        return Tolerance(bound, f"products round their factors to {name}" if name else "")

    def _terms(self, sums: Sums, vector: np.ndarray | None) -> Terms:
        """Count the roundings behind the matrix, or its product with a vector, which is taken with 64 bits."""
        terms = Counter(sums.terms(sums.paths if vector is None else sums.paths.sum(1)))
        if vector is not None:
            terms[np.dtype(np.float64)] += len(vector)
        if self.constant:
            terms[sums.dtype] += 1  # f(0) is taken off
        factor = 4 if np.iscomplexobj(self.expected) else 1  # a complex product is four real ones
        return {dtype: factor * n for dtype, n in terms.items()}

    def _size(self, sums: Sums, vector: np.ndarray | None) -> np.ndarray:
        """How large the sums are: of the matrix, or of its product with a vector; and f(0), found and taken off."""
        size = sums.size if vector is None else sums.size @ vector
        if not self.constant:
            return size
        return size + 2 * np.abs(self.points.at_zero[:, None] if vector is None else self.points.at_zero)

    @cached_property
    def referred(self) -> np.ndarray | None:
        """The reference matrix; None where there is none."""
        matrix = self.reference.matrix() if isinstance(self.reference, LinearMap) else self.reference
        return None if matrix is None else np.asarray(matrix)

    def _scale(self) -> float:
        dtype = self.resolution or coarsest(self.function)
        largest = float(np.abs(self.expected).max(initial=0))
        return 2 * sum(self.expected.shape) * roundoff(dtype) * largest + float(jnp.finfo(dtype).tiny)


def coarsest(function: Function) -> jnp.dtype:
    """Find the dtype with the fewest digits."""
    return max((leaf.dtype for leaf in (*function.inputs.like, *function.outputs.like)), key=roundoff)


def in_float64(function: Function) -> Function:
    """Take the same function at the same point in float64, for use where JAX has it enabled."""
    wide = {True: np.complex128, False: np.float64}
    return function.at(
        tuple(jnp.asarray(np.asarray(x).astype(wide[bool(jnp.iscomplexobj(x))])) for x in function.primals)
    )
