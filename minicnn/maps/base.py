"""`LinearMap`: the one type that everything linear shares, and its algebra."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import field, replace
from functools import partial, wraps
from typing import Any, TypeVar, cast, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.arguments import one_kind, untraced
from minicnn.axis import Axis
from minicnn.extras import require
from minicnn.forms.arithmetic import summing
from minicnn.forms.memory import check_entries_fit, check_fits, dense_nbytes
from minicnn.jax_internals import Tracer
from minicnn.pytrees import pytree, static

Shape = tuple[int, ...]
Entries = tuple[np.ndarray, np.ndarray, np.ndarray]
_Map = TypeVar("_Map", bound="type[LinearMap]")


def derived(fget: Callable[[Any], Any]) -> Any:
    """State a shape, a dtype or axes that a member computes from its fields instead of storing them."""
    return property(fget)


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(static, field))
def linear_map(cls: _Map) -> _Map:
    """Make a class a frozen dataclass and a pytree. Nothing is validated here: the factory functions do that."""
    return pytree(cls, shown=False)


_OUTSIDE = "list its entries outside of jax.jit, jax.grad and jax.vmap, or take A.matrix()"


def _listed(sparse: Callable[[Any], Entries]) -> Callable[[Any], Entries]:
    """The list of a map's entries, which where JAX has no numbers yet names the map and what to do."""

    @wraps(sparse)
    def listed(self: "LinearMap") -> Entries:
        try:
            return sparse(self)
        except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
            untraced("A", self, _OUTSIDE)
            with jax.ensure_compile_time_eval():  # nothing of the map is traced, only what is computed on the way
                return sparse(self)

    return listed


class LinearMap(ABC):
    """A linear map from arrays of `in_shape` to arrays of `out_shape`: a matrix that need not be stored.

    Call it to multiply, with any leading batch axes; transpose it with `.T`; see it with `.matrix()`. Rows and
    columns of the matrix are the entries of the output and the input in C order. A map is a pytree: its arrays are
    leaves, its shapes are static.

    Attributes:
        in_shape: shape of the inputs, without batch axes.
        out_shape: shape of the outputs, without batch axes.
        dtype: dtype of the matrix entries.
        axes: for each spatial axis (those just before the channels) the relation that an output and an input must
            satisfy to meet in a non-zero; empty where no window slides.
    """

    __array_ufunc__ = None  # so that numpy leaves `2 * A` to us

    # Annotations, not abstract properties: a member stores them as static fields or computes them.
    in_shape: Shape
    out_shape: Shape
    dtype: jnp.dtype
    axes: tuple[Axis, ...] = ()
    one_to_one = False  # whether every row and every column has exactly one structural non-zero
    real_linear = False  # whether it commutes with real factors only, so that no complex matrix states it

    @abstractmethod
    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply a batch with exactly one leading axis; `A(x)` takes any number of them."""

    @property
    @abstractmethod
    def T(self) -> "LinearMap":
        """The transpose of the map. `A.T.T` has the structure and the leaves of `A`."""

    @abstractmethod
    def sparse(self) -> Entries:
        """List the structural non-zeros as (rows, columns, values), without looking at the memory first."""

    def with_axes(self, axes: tuple[Axis, ...]) -> "LinearMap":
        """The same kernel or window along other axes: another stride, dilation, padding or size.

        Raises:
            TypeError: where no window slides, or the map belongs to the axes it has.
        """
        if not self.axes:
            raise TypeError(f"{type(self).__name__} slides no window, so that it cannot slide it along other axes")
        return replace(cast(Any, self), axes=axes)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let every member say so where its entries cannot be listed under a transformation of JAX."""
        super().__init_subclass__(**kwargs)
        if "sparse" in cls.__dict__:
            setattr(cls, "sparse", _listed(cls.__dict__["sparse"]))  # noqa: B010, pyright refuses the assignment

    def __call__(self, x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        """Multiply: A·vec(x), for an x of shape (*batch, *in_shape).

        Raises:
            ValueError: if the last axes of x are not `in_shape`.
            TypeError: if one of x and the map holds integers and the other does not.
        """
        rank = len(self.in_shape)
        batch = x.shape[: max(x.ndim - rank, 0)]
        if x.shape != (*batch, *self.in_shape):
            raise ValueError(f"`x` has shape {x.shape}: the last axes must be {self.in_shape}, the map's in_shape")
        one_kind({"x": x.dtype, "A": self.dtype}, convert="x")
        return _product(self, x, batch)

    @property
    def H(self) -> "LinearMap":
        """The conjugate transpose of the map."""
        return self.conj().T

    def conj(self) -> "LinearMap":
        """Conjugate every entry, each map that it is made of in its own way; a real map is its own conjugate."""
        if not jnp.issubdtype(self.dtype, jnp.complexfloating):
            return self
        parts, structure = jax.tree.flatten(self, is_leaf=lambda part: isinstance(part, LinearMap) and part is not self)
        conjugates = (part.conj() if isinstance(part, LinearMap) else jnp.conj(part) for part in parts)
        return jax.tree.unflatten(structure, conjugates)

    @property
    def shape(self) -> tuple[int, int]:
        """The rows and columns of the matrix: the sizes of the output and of the input."""
        return math.prod(self.out_shape), math.prod(self.in_shape)

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros, entries that a leaf can make non-zero; by default one in every row."""
        return self.shape[0]

    def entries(self) -> Entries:
        """List the structural non-zeros as (rows, columns, values), in no particular order.

        Raises:
            MemoryError: if the list would not fit, with its length and what to use instead, before anything is
                allocated.
            TypeError: inside of `jax.jit` and the like, where the map's arrays have no numbers yet.
        """
        untraced("A", self, _OUTSIDE)
        check_entries_fit(self.nnz, self.dtype)
        return self.sparse()

    @property
    def nbytes(self) -> int:
        """The bytes of the dense matrix, whether or not it is ever built."""
        return dense_nbytes(self.out_shape, self.in_shape, self.dtype)

    def matrix(self) -> Shaped[Array, "out in"]:
        """Build the dense matrix, (out_size, in_size).

        Raises:
            MemoryError: if it would not fit, with its size and what to use instead, before anything is allocated.
        """
        check_fits(self.out_shape, self.in_shape, self.dtype)
        return _matrix(self)

    def dense(self) -> Shaped[Array, "..."]:
        """Build the dense matrix without the check, in any shape of the right size; by default from unit vectors.

        Those of a wide matrix are its transpose's: those of its columns would take more memory than it does itself.
        """
        rows, columns = self.shape
        if rows < columns:
            return carried_back(units(self.out_shape, self.dtype), self, self.dtype)
        return self.apply(units(self.in_shape, self.dtype)).reshape(columns, rows).T

    def to_scipy(self) -> Any:
        """Build the matrix as a `scipy.sparse.csr_array` of its structural non-zeros.

        SciPy has no floats of 16 bits: those become float32, in which they are summed.

        Raises:
            MemoryError: if the list of them would not fit, before anything is allocated.
            TypeError: as `entries`.
        """
        from scipy import sparse

        rows, columns, values = self.entries()
        return sparse.coo_array((values.astype(summing(self.dtype)), (rows, columns)), shape=self.shape).tocsr()

    def __matmul__(self, other: "LinearMap") -> "LinearMap":
        """Multiply two maps, A @ B: first B is applied, then A."""
        from minicnn.maps.algebra import compose

        if not isinstance(other, LinearMap):
            return NotImplemented
        _check_kinds(self, other)
        return compose(self, other)

    def __add__(self, other: "LinearMap") -> "LinearMap":
        """Add two maps of one shape, A + B."""
        from minicnn.maps.algebra import add

        if not isinstance(other, LinearMap):
            return NotImplemented
        _check_kinds(self, other)
        return add(self, other)

    def __rmul__(self, scale: complex | Array) -> "LinearMap":
        """Multiply every entry by one number, c·A."""
        from minicnn.maps.algebra import scale_by

        return scale_by(scale, self)

    def __neg__(self) -> "LinearMap":
        """Negate every entry, −A."""
        return -1 * self

    def __sub__(self, other: "LinearMap") -> "LinearMap":
        """Subtract a map of the same shape, A − B."""
        return self + -other

    def __eq__(self, other: object) -> bool:
        """Whether both have one structure and hold the same arrays: no number is looked at."""
        return isinstance(other, LinearMap) and self._identity == other._identity

    def __hash__(self) -> int:
        """Hash what `==` compares."""
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, ...]:
        leaves, structure = jax.tree.flatten(self)
        return structure, *map(id, leaves)

    def __repr__(self) -> str:
        """Show the name, the shapes and the size of the matrix."""
        rows, columns = self.shape
        return f"{type(self).__name__}({self.in_shape} → {self.out_shape}, {rows}×{columns} {self.dtype.name})"

    def _repr_html_(self) -> str:
        """Draw the matrix, for a notebook."""
        from minicnn.maps.picture import html

        return html(self)


def hidden(A: LinearMap) -> bool:
    """Whether the entries of a map cannot be listed: traced ones, and those that are not complex numbers."""
    leaves = jax.tree.leaves(A, is_leaf=lambda part: isinstance(part, LinearMap) and part.real_linear)
    return any(isinstance(leaf, Tracer | LinearMap) for leaf in leaves)


def _check_kinds(left: LinearMap, right: LinearMap) -> None:
    """Refuse a map of integers beside one of floating numbers, as `one_kind` does for arrays."""
    if jnp.issubdtype(left.dtype, jnp.inexact) != jnp.issubdtype(right.dtype, jnp.inexact):
        raise TypeError(
            f"the left map is {left.dtype.name} and the right map {right.dtype.name}: make both of one kind, "
            "for example of w.astype(float) or with `dtype`"
        )


# A map is a pytree with static shapes, so that each product compiles once for maps of one structure.
@partial(jax.jit, static_argnums=2, inline=True)
def _product(A: LinearMap, x: Array, batch: Shape) -> Array:
    y = A.apply(x.reshape(math.prod(batch), *A.in_shape))
    return y.reshape(*batch, *A.out_shape)


@partial(jax.jit, inline=True)
def _matrix(A: LinearMap) -> Array:
    return A.dense().reshape(A.shape).astype(A.dtype)


def units(shape: Shape, dtype: jnp.dtype) -> Shaped[Array, "n ..."]:
    """All arrays of a shape with a single 1 among zeros, in C order."""
    return jnp.eye(math.prod(shape), dtype=dtype).reshape(math.prod(shape), *shape)


def carried_back(rows: Shaped[Array, "m ..."], A: LinearMap, dtype: jnp.dtype) -> Shaped[Array, "m ..."]:
    """Multiply rows by a matrix through its transpose; the products have the given dtype, that of the whole matrix.

    The transpose is that of the pairing Re Σ y·x, which says the real part of an entry, and of −i times the row the
    imaginary part. For a map that is linear over the complex numbers one product says both; a real part, a conjugate or
    a real input leaves it only the first.
    """
    if not jnp.issubdtype(dtype, jnp.complexfloating):
        return jnp.real(A.T.apply(rows))
    rows = rows.astype(dtype)
    parts = jnp.real(A.T.apply(jnp.concatenate([rows, -1j * rows])))
    return jax.lax.complex(*jnp.split(parts, 2))


@linear_map
class Transposed(LinearMap):
    """The transpose of a map that has no transpose of its own family; the map states `apply_transpose`."""

    of: "TransposableMap"

    in_shape = derived(lambda self: self.of.out_shape)
    out_shape = derived(lambda self: self.of.in_shape)
    dtype = derived(lambda self: self.of.dtype)
    axes = derived(lambda self: tuple(axis.T for axis in self.of.axes))
    real_linear = derived(lambda self: self.of.real_linear)

    def with_axes(self, axes: tuple[Axis, ...]) -> LinearMap:
        """Slide the map itself along the transposed axes, and transpose it again."""
        return self.of.with_axes(tuple(axis.T for axis in axes)).T

    @property
    def T(self) -> "LinearMap":
        """The map whose transpose this is."""
        return self.of

    @property
    def nnz(self) -> int:
        """The number of structural non-zeros, which transposing does not change."""
        return self.of.nnz

    def apply(self, x: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply by the transpose of the map."""
        return self.of.apply_transpose(x)

    def sparse(self) -> Entries:
        """List the map's non-zeros with rows and columns exchanged."""
        rows, columns, values = self.of.sparse()
        return columns, rows, values

    def dense(self) -> Shaped[Array, "..."]:
        """Build the dense matrix of the map and transpose it."""
        return self.of.dense().reshape(self.of.shape).T

    def __repr__(self) -> str:
        """Show the map, and that it is transposed."""
        return f"{self.of!r}.T"


class TransposableMap(LinearMap):
    """A map that states its transpose as a product, so that `Transposed` can wrap it."""

    @abstractmethod
    def apply_transpose(self, y: Shaped[Array, "b ..."]) -> Shaped[Array, "b ..."]:
        """Multiply a batch with one leading axis by the transpose."""

    @property
    def T(self) -> LinearMap:
        """The transpose, which multiplies by `apply_transpose` and whose own transpose is this map."""
        return Transposed(self)


def to_lineax(A: LinearMap) -> Any:
    """Wrap a map as a `lineax.FunctionLinearOperator`, for its solvers and norms; lineax must be installed.

    >>> from minicnn.maps import identity
    >>> to_lineax(identity((2, 3), jnp.dtype("float32"))).out_size()  # doctest: +SKIP
    6
    """
    require("linalg", "to_lineax")
    import lineax

    return lineax.FunctionLinearOperator(A, jax.ShapeDtypeStruct(A.in_shape, A.dtype))
