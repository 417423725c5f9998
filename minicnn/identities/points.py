"""Small integers for the arguments of a function, and what kind of function it seems to be at a few points."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.arguments import untraced
from minicnn.identities.function import Function, Leaves, each
from minicnn.identities.rounding import roundoff

_ROUNDINGS = 2**10  # of a value of f that is guessed to be linear: a wrong guess is refuted by the matrices
_REACH = 4  # drawn integers lie between −4 and 4: sums of a thousand products stay exact in every float but bfloat16


def draw(function: Function, key: Array) -> Leaves:
    """Draw small integers other than 0 for every floating leaf, with imaginary parts where it is complex."""
    untraced("key", key, "certify outside of jax.jit, jax.grad and jax.vmap")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    return tuple(jnp.asarray(_integers(rng, leaf.shape, leaf.dtype)) for leaf in function.inputs.like)


def _integers(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    def some() -> np.ndarray:
        return rng.integers(1, _REACH + 1, shape) * rng.choice((-1, 1), shape)

    return (some() + 1j * some() if jnp.issubdtype(dtype, jnp.complexfloating) else some()).astype(dtype)


@dataclass(frozen=True, eq=False)
class Points:
    """A function at 0, x, y, x + y and −x, as vectors in float64 or complex128.

    Attributes:
        x: its arguments.
        values: its values at the five points.
        dtype: the dtype of the values.
    """

    x: Shaped[np.ndarray, " in"]
    values: Shaped[np.ndarray, "5 out"]
    dtype: jnp.dtype

    @staticmethod
    def of(function: Function) -> "Points":
        """Evaluate the function at its arguments x, and at y, a permutation of 2x."""
        run = jax.jit(each(lambda leaves: function.outputs.join(function(*leaves))))
        xs = [np.asarray(leaf) for leaf in function.primals]
        ys = [np.roll(x, 1) * np.asarray(2, x.dtype) for x in xs]
        points = [np.stack([x * np.asarray(0, x.dtype), x, y, x + y, -x]) for x, y in zip(xs, ys, strict=True)]
        values = run(points)
        joined = np.concatenate([x.ravel().astype(function.inputs.dtype) for x in xs])
        return Points(_widened(joined), _widened(np.asarray(values)), function.outputs.dtype)

    @property
    def at_zero(self) -> Shaped[np.ndarray, " out"]:
        """The value f(0)."""
        return self.values[0]

    def additive(self, constant: bool = False, share: float | None = None) -> bool:
        """Tell whether f(x + y) = f(x) + f(y) and f(−x) = −f(x), up to f(0) where that is allowed, to a share of f."""
        f0, fx, fy, fxy, back = self.values
        if not constant and f0.any():
            return False
        scale = float(np.abs(self.values).max(initial=0))
        error = max(float(np.abs(e).max(initial=0)) for e in (fxy - fx - fy + f0, back + fx - 2 * f0))
        return bool(error <= (share or _ROUNDINGS * roundoff(self.dtype)) * scale)


def kind_of(function: Function, points: Points) -> str:
    """Guess linear, affine, bilinear, or none of them from a few points; the matrices then prove it."""
    if points.additive():
        return "linear"
    if points.additive(constant=True):
        return "affine"
    if len(function.args) == 2:
        faces = [function.face(n) for n in (0, 1)]
        if all(face.inputs.like and Points.of(face).additive() for face in faces):
            return "bilinear"
    return "function"


def _widened(vector: np.ndarray) -> np.ndarray:
    # NumPy does not know bfloat16 as a floating dtype, hence jnp
    return vector.astype(np.complex128 if jnp.issubdtype(vector.dtype, jnp.complexfloating) else np.float64)
