"""Primitives that act on every entry: their maps are diagonal."""

import jax.numpy as jnp

from minicnn import maps
from minicnn.lift.rules.rule import Equation, Rule, alone, diagonal, identity, repeated, together
from minicnn.maps import LinearMap


def _negative(eq: Equation, n: int) -> LinearMap:
    return repeated(eq, n, diagonal(eq, -1))


def _subtracted(eq: Equation, n: int) -> LinearMap:
    return _negative(eq, n) if n else identity(eq, n)


def _times_other(eq: Equation, n: int) -> LinearMap:
    return repeated(eq, n, diagonal(eq, eq.values[1 - n]))


def _divided(eq: Equation, n: int) -> LinearMap:
    d = jnp.broadcast_to(jnp.asarray(eq.values[1], eq.dtype), eq.shape)
    return repeated(eq, n, maps.InverseDiagonal(d, eq.shape, eq.dtype))


def _chosen(eq: Equation, n: int) -> LinearMap:
    keep = jnp.broadcast_to(jnp.asarray(eq.values[0]) == n - 1, eq.shape)
    return repeated(eq, n, maps.Mask(keep, eq.shape, eq.dtype))


def _converted(eq: Equation, n: int) -> LinearMap:
    complex_before, complex_after = (jnp.issubdtype(x.dtype, jnp.complexfloating) for x in (eq.operands[0], eq.y))
    if complex_after and not complex_before:
        return maps.RealPart(eq.shape, eq.operands[0].dtype).T
    return identity(eq)


def _complex(eq: Equation, n: int) -> LinearMap:
    part = eq.operands[n].dtype
    if n == 0:
        return maps.RealPart(eq.shape, part).T
    return maps.compose(maps.Conjugate(eq.shape, eq.dtype), maps.ImaginaryPart(eq.shape, part).T)


table: dict[str, Rule] = {
    "add": together(identity, ""),
    "add_any": together(identity, ""),
    "sub": together(_subtracted, "", "−I"),
    "neg": together(_negative, "−I"),
    "mul": alone(_times_other, "diag({c})"),
    "div": alone(_divided, "diag({c})⁻¹"),
    "select_n": together(_chosen, "mask({c})"),
    "copy": together(identity, ""),
    "reduce_precision": together(identity, ""),
    "sharding_constraint": together(identity, ""),
    "layout_constraint": together(identity, ""),
    "reshard": together(identity, ""),
    "pvary": together(identity, ""),
    "convert_element_type": together(_converted, ""),
    "conj": together(lambda eq, n: maps.Conjugate(eq.shape, eq.dtype), "conj"),
    "real": together(lambda eq, n: maps.RealPart(eq.shape, eq.dtype), "Re"),
    "imag": together(lambda eq, n: maps.ImaginaryPart(eq.shape, eq.dtype), "Im"),
    "complex": together(_complex, "complex"),
}
