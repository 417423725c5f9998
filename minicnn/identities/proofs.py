"""What is proved of each kind of function: linear, affine, bilinear, or any function at a point."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.identities.claim import Claim
from minicnn.identities.comparison import Comparison, compare
from minicnn.identities.function import Function
from minicnn.identities.materialise import FORWARD, READ, check_room, materialise

_HELD = 6  # matrices at once: the Hessian, its transpose, their difference, its sizes, counts and bounds
_OF_LINEAR = ("one-hot inputs", "linear_transpose")  # ways that only linear functions have
_NOT_LINEAR = "the function is not linear"
_PLAIN = 2.0**-6  # the share of f that the rounding of a few terms does not explain, not even in bfloat16
_ALONE = "nothing to compare it with: claim the Jacobian with `matrix`, or give a reference"
_UNDECIDED = 'only reference="float64" can judge it here'
_AFFINE = "affine: f(0) is not zero, as with a bias"


def _linear(claim: Claim) -> Iterator[Comparison]:
    """Every way gives C, and f(x) = C·x."""
    causes: tuple[str, ...] = ()
    if not claim.constant:
        f0 = claim.points.at_zero
        zero = compare("f(0) = 0", f0, np.zeros_like(f0), locate=claim.locate)
        causes = () if zero.ok else (_AFFINE,)
        yield _because(zero, causes)
    superposed = _superposition(claim)
    if not superposed.ok and not causes and not claim.points.additive(claim.constant, _PLAIN):
        causes = (_NOT_LINEAR,)
    yield _because(superposed, causes)
    for comparison in _sides(claim):
        yield _because(comparison, causes)


def _because(comparison: Comparison, causes: tuple[str, ...]) -> Comparison:
    """A failure whose cause is known already: no bound is needed to tell that it is one."""
    return replace(comparison, causes=causes, decided=True, note="") if causes and comparison.differing else comparison


def _superposition(claim: Claim) -> Comparison:
    """f(x) = C·x at the drawn x: what one-hot inputs found holds for their sum."""
    x, y, C = claim.points.x, claim.points.values[1], claim.expected
    if C.shape != (len(y), len(x)):
        return compare("shape", np.empty((len(y), len(x))), C)
    identity = "f(x) = C·x + f(0)" if claim.constant else "f(x) = C·x"
    wide = np.result_type(x, y, np.float64)  # a product in which only f itself is rounded
    claimed = C.astype(wide) @ x.astype(wide) + (claim.points.at_zero if claim.constant else 0)
    return compare(identity, y, claimed, lambda: claim.bound(np.abs(x)), claim.locate)


def _sides(claim: Claim) -> Iterator[Comparison]:
    """Every way, compared with what is expected; one that cannot be taken says why."""
    units = (1, 1j) if jnp.issubdtype(claim.function.inputs.dtype, jnp.complexfloating) else (1,)
    if claim.referred is not None and claim.claimed is not None:
        yield claim.compare("matrix = reference", claim.claimed)
    ways = [way for way in claim.ways if not (claim.at_point and way in _OF_LINEAR)]
    alone, taken = claim.at_point and bool(claim.first), set[str]()
    for way in ways:
        if way in READ and "autodiff" in taken:  # which reads the same maps, off minicnn's own primitives
            continue
        for unit in units[:1] if way in READ else units:
            if (way, unit) != (claim.first, 1):
                comparison = _side(claim, way, unit)
                alone &= bool(comparison.left_out) or way == claim.first
                taken |= set() if comparison.left_out else {way}
                yield comparison
                if way == "vjp" and comparison.left_out:  # a way back is needed
                    yield Comparison(_identity(way, unit), 0, decided=False, note=comparison.left_out)
    if alone:
        yield Comparison(_identity(str(claim.first)), 0, decided=False, note=_ALONE)


def _side(claim: Claim, way: str, unit: complex) -> Comparison:
    try:
        found = claim.side(way, unit)
    except Exception as error:  # a function may lack any of its derivatives
        return Comparison.without(way, _reason(way, error))
    comparison = claim.compare(_identity(way, unit), found)
    if claim.at_point and way in READ and claim.first not in READ and comparison.ok is None:
        return Comparison.without(way, _UNDECIDED)
    return comparison


def _identity(way: str, unit: complex = 1) -> str:
    symbol = "C" if way in FORWARD or way == "lifted" else "Cᵀ"
    return f"{way} = {symbol}" if unit == 1 else f"{way} of i·eⱼ = i·{symbol}"


def _reason(way: str, error: Exception) -> str:
    if way.startswith("autodiff") and isinstance(error, TypeError):
        return "the function is not made of minicnn's primitives"
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:160]


def _affine(claim: Claim) -> Iterator[Comparison]:
    """f(x) = C·x + f(0), and every way gives C."""
    yield from _linear(replace(claim, constant=True))


def _function(claim: Claim) -> Iterator[Comparison]:
    """The Jacobian at a point is the same in every way, and the Hessian of a scalar is symmetric."""
    yield from _sides(replace(claim, at_point=True))
    if claim.function.outputs.size == 1 and not jnp.issubdtype(claim.function.outputs.dtype, jnp.complexfloating):
        yield from _attempted("Hessian", lambda: _hessian(claim))


def _hessian(claim: Claim) -> Iterator[Comparison]:
    def gradient(*leaves: Any) -> Any:
        return jax.grad(lambda *x: claim.function(*x)[0].reshape(()), argnums=tuple(range(len(leaves))))(*leaves)

    f = Function(gradient, claim.function.primals)
    second = Claim(f, None, claim.exact, None, resolution=claim.resolution, at_point=True)
    check_room(f, _HELD)
    H = second.side("jvp")
    yield compare("Hessian = Hessianᵀ", H, H.T, lambda: second.tolerance, second.locate)
    yield second.compare("reverse Hessian = Hessian", second.side("vjp"))


def _bilinear(claim: Claim) -> Iterator[Comparison]:
    """Each face is linear, the faces agree, and so do the mixed second derivatives."""
    f, pair = claim.function, claim.matrix if claim.matrix is not None else (None, None)
    if len(f.args) != 2 or not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError("a bilinear `f` has two arguments, and `matrix` a pair of matrices, one for each")
    faces = [Claim(f.face(n), M, claim.exact, None, claim.ways, claim.resolution) for n, M in enumerate(pair)]
    for name, face in zip(("x", "w"), faces, strict=True):
        for comparison in _linear(face):
            yield replace(comparison, identity=f"in {name}: {comparison.identity}")
    yield from _attempted("∂x∂w f", lambda: _mixed(f, claim))


def _attempted(name: str, proof: Callable[[], Iterator[Comparison]]) -> Iterator[Comparison]:
    """What a proof finds; or, where the function lacks a derivative that it needs, why there is none."""
    try:
        yield from list(proof())
    except Exception as error:  # a function may lack any of its derivatives
        yield Comparison.without(name, _reason(name, error))


def _mixed(f: Function, claim: Claim) -> Iterator[Comparison]:
    """∂²f/∂x∂w in the drawn direction ẇ is C(ẇ): forward over forward, and reverse over forward."""
    x, w = f.args
    direction = jax.tree.map(
        lambda leaf: np.roll(leaf, 1) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact) else leaf, w
    )
    other = Claim(Function(lambda x: f.f(x, direction), (x,)), None, claim.exact, None, resolution=claim.resolution)

    def along(x: Any) -> Any:
        leaves = Function(lambda w: f.f(x, w), (w,))
        moved = Function(lambda w: w, (direction,)).primals
        return jax.jvp(leaves, leaves.primals, moved)[1]

    mixed = Function(along, (x,))
    yield other.compare("∂x∂w f · ẇ = C(ẇ), forward", materialise(mixed, "jvp"))
    yield other.compare("∂x∂w f · ẇ = C(ẇ), reverse", materialise(mixed, "vjp"))


PROOFS: dict[str, Callable[[Claim], Iterator[Comparison]]] = {
    "linear": _linear,
    "affine": _affine,
    "bilinear": _bilinear,
    "function": _function,
}
