"""The methods, and for which map each of them is right: a table that is asked from top to bottom.

Every method takes the same questions: why it refuses a map, all singular values, the largest of them with its vectors,
a function of the map, the determinant. It answers exactly or not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from minicnn.arguments import look_up
from minicnn.jax_internals import Tracer
from minicnn.linalg import cosine, dense, fourier, kronecker, lanczos
from minicnn.linalg.frames import framed
from minicnn.linalg.stencils import check_is_map
from minicnn.maps import LinearMap
from minicnn.primitive import Traced, value_of


@dataclass(frozen=True)
class Method:
    """One way to the singular values.

    Attributes:
        name: as in `method=`.
        refusal: from a map, why the method is not exact for it; empty if it is.
        top: from a map, (u, σ, v) of its largest singular value.
        values: from a map, all its singular values, descending.
        function: from a map U·Σ·Vᴴ and f, the map U·f(Σ)·Vᴴ.
        slogdet: from a square map, the sign and the logarithm of its determinant.
    """

    name: str
    refusal: Callable[[LinearMap], str]
    top: Callable[[LinearMap], Any]
    values: Callable[[LinearMap], Any]
    function: Callable[..., LinearMap]
    slogdet: Callable[[LinearMap], Any]


def _of(name: str, module: Any) -> Method:
    """The method of a module, for what is left of a map without the permutations around it."""

    def top(A: LinearMap) -> tuple[Array, Array, Array]:
        frame = framed(A)
        return frame.triplet(*module.top(frame.core))

    def function(A: LinearMap, f: Callable[[Array], Array]) -> LinearMap:
        frame = framed(A)
        return frame.around(module.function(frame.core, f))

    def slogdet(A: LinearMap) -> tuple[Array, Array]:
        frame = framed(A)
        sign, logarithm = module.slogdet(frame.core)
        return sign * frame.sign, logarithm

    return Method(
        name,
        lambda A: module.refusal(framed(A).core),
        top,
        lambda A: module.values(framed(A).core),
        function,
        slogdet,
    )


# From the cheapest to the dearest. Lanczos is none of them: it finds the largest values only.
EXACT = {
    name: _of(name, module)
    for name, module in {"kron": kronecker, "fourier": fourier, "dct": cosine, "dense": dense}.items()
}


def _only_the_largest(A: LinearMap, *_: Any) -> Any:
    raise ValueError(f"lanczos finds the largest values of {A!r}: say how many, with `k`, or take another method")


LANCZOS = Method("lanczos", lanczos.refusal, lanczos.top, *(_only_the_largest,) * 3)

# Up to this size of the lesser side a dense decomposition takes less than a second.
SMALL = 512


def exact(A: LinearMap, method: str = "auto") -> Method:
    """The cheapest method that answers everything about a map, or the one that is asked for.

    Raises:
        ValueError: if none does, or the one asked for does not, with each one's reason.
    """
    wanted = EXACT if method == "auto" else {method: look_up("method", method, EXACT, "a method for all values")}
    reasons = {}
    for name, candidate in wanted.items():
        if not (reason := candidate.refusal(A)):
            return candidate
        reasons[name] = reason
    raise ValueError(_refused(A, reasons, 'ask for the `k` largest values, with method="lanczos", or for a `bracket`'))


def for_largest(A: LinearMap, method: str = "auto") -> Method:
    """The method for the largest value and its vectors: an exact one where that is cheap, else Lanczos.

    Raises:
        ValueError: if the method that is asked for is not exact for the map.
    """
    if method not in ("auto", "lanczos"):
        return exact(A, method)
    return LANCZOS if method == "lanczos" else cheap(A) or LANCZOS


def cheap(A: LinearMap) -> Method | None:
    """An exact method that takes about a second at most: one that uses a structure, or a small dense matrix."""
    small = min(A.shape) <= SMALL
    return next(
        (method for name, method in EXACT.items() if (small or name != "dense") and not method.refusal(A)), None
    )


@dataclass(frozen=True)
class Explanation:
    """Which methods are right for a map, and which are taken.

    Attributes:
        map: how the map prints.
        refusals: for each method why it is not exact, or nothing.
        values: the method for all singular values, or None.
        largest: the method for the largest.
    """

    map: str
    refusals: dict[str, str]
    values: str | None
    largest: str

    def __str__(self) -> str:
        """One line for each method."""
        taken = {self.largest: "the largest", self.values: "all values"}
        if self.values == self.largest:
            taken = {self.values: "all values and the largest"}
        width = max(map(len, self.refusals))
        lines = [
            f"{name:<{width}}  "
            + (f"no: {why}" if why else f"yes{', taken for ' + taken[name] if name in taken else ''}")
            for name, why in self.refusals.items()
        ]
        return "\n".join([self.map, *lines])


def explain(A: LinearMap) -> Explanation:
    """Say for each method whether it is right for a map, why not, and which one is taken.

    Raises:
        TypeError, ValueError: as `svdvals`.

    >>> w = jnp.array([1.0, 2.0, 1.0]).reshape(3, 1, 1)
    >>> print(explain(minicnn.conv_map(w, (6,), padding=1)))
    ConvMap((6, 1) → (6, 1), 6×6 float32)
    kron     no: it has a single axis: nothing to take apart
    fourier  no: axis 0 has the padding mode 'zeros', not circular
    dct      no: axis 0 has the padding mode 'zeros', not symmetric
    dense    yes, taken for all values and the largest
    lanczos  yes
    """
    check_map(A)
    refusals = {name: method.refusal(A) for name, method in (EXACT | {"lanczos": LANCZOS}).items()}
    values = next((name for name in EXACT if not refusals[name]), None)
    return Explanation(repr(A), refusals, values, for_largest(A).name)


def check_map(A: Any, *, traced: bool = False) -> None:
    """Refuse what has no singular values that could be computed.

    Args:
        A: what was given.
        traced: whether values that `minicnn.autodiff` traces are welcome.

    Raises:
        TypeError: for what is not a map, for a map of integers or short floats, and for traced values.
        ValueError: for a map without entries, or with NaN or Inf.
    """
    check_is_map(A)
    if A.dtype not in (jnp.float32, jnp.float64, jnp.complex64, jnp.complex128):
        raise TypeError(f"`A` is {A.dtype.name}: its values need float32 or better; make it of w.astype(float)")
    if 0 in A.shape:
        raise ValueError(f"`A` is {A.shape[0]}×{A.shape[1]}: a matrix without entries has no singular values")
    leaves = jax.tree.leaves(A)
    if not traced and any(isinstance(leaf, Traced) for leaf in leaves):
        raise TypeError(
            "`A` holds a value that minicnn.autodiff traces: of these functions only `norm` has a derivative"
        )
    for leaf in map(value_of, leaves):
        looked_at = not isinstance(leaf, Tracer) and jnp.issubdtype(leaf.dtype, jnp.inexact)
        if looked_at and not np.isfinite(np.asarray(leaf)).all():
            raise ValueError("`A` holds NaN or Inf: it has no singular values")


def _refused(A: LinearMap, reasons: dict[str, str], instead: str) -> str:
    lines = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return f"no method finds this of {A!r}: {lines}. Instead {instead}"
