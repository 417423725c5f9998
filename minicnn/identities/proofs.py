"""What is proved of each kind of function: linear, affine, bilinear, or any function at a point."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.forms.memory import memory
from minicnn.identities.certificate import Comparison, compare
from minicnn.identities.leaves import Function
from minicnn.identities.materialise import FORWARD, materialise
from minicnn.identities.subject import Subject

_OF_LINEAR = ("one-hot inputs", "linear_transpose")  # ways that only linear functions have
_NOT_LINEAR = "the function is not linear"
_AFFINE = "affine: f(0) is not zero, as with a bias"


def _linear(subject: Subject) -> Iterator[Comparison]:
    """Every way gives C, and f(x) = C·x."""
    causes: tuple[str, ...] = ()
    if not subject.constant:
        f0 = subject.points.at_zero
        zero = compare("f(0) = 0", f0, np.zeros_like(f0), locate=subject.locate)
        causes = () if zero.ok else (_AFFINE,)
        yield _because(zero, causes)
    superposed = _superposition(subject)
    if not superposed.ok and not causes and not subject.points.additive(subject.constant, 2.0**-6):
        causes = (_NOT_LINEAR,)
    yield _because(superposed, causes)
    for comparison in _sides(subject):
        yield _because(comparison, causes)


def _because(comparison: Comparison, causes: tuple[str, ...]) -> Comparison:
    """A failure whose cause is known already: no bound is needed to tell that it is one."""
    return replace(comparison, causes=causes, decided=True, note="") if causes and comparison.differing else comparison


def _superposition(subject: Subject) -> Comparison:
    """f(x) = C·x at the drawn x: what one-hot inputs found holds for their sum."""
    x, y, C = subject.points.x, subject.points.values[1], subject.expected
    if C.shape != (len(y), len(x)):
        return compare("shape", np.empty((len(y), len(x))), C)
    identity = "f(x) = C·x + f(0)" if subject.constant else "f(x) = C·x"
    claimed = C.astype(np.result_type(x, y)) @ x + (subject.points.at_zero if subject.constant else 0)
    return compare(identity, y, claimed, lambda: subject.bound(np.abs(x)), subject.locate)


def _sides(subject: Subject) -> Iterator[Comparison]:
    """Every way that can be taken, compared with what is expected."""
    units = (1, 1j) if jnp.issubdtype(subject.function.inputs.dtype, jnp.complexfloating) else (1,)
    if subject.referred is not None and subject.claimed is not None:
        yield subject.compare("matrix = reference", subject.claimed)
    alone = subject.claimed is None and subject.referred is None
    first = subject.first if alone else None
    ways = [way for way in subject.ways if not (subject.at_point and way in _OF_LINEAR)]
    for way, unit in ((way, unit) for way in ways for unit in units if (way, unit) != (first, 1)):
        symbol = "C" if way in FORWARD else "Cᵀ"
        identity = f"{way} = {symbol}" if unit == 1 else f"{way} of i·eⱼ = i·{symbol}"
        try:
            found = subject.side(way, unit)
        except Exception as error:  # whatever a way cannot do is said, and a way back is needed
            subject.skipped[way] = _reason(way, error)
            if way == "vjp":
                yield Comparison(identity, 0, decided=False, note=subject.skipped[way])
            continue
        yield subject.compare(identity, found)


def _reason(way: str, error: Exception) -> str:
    if way.startswith("autodiff") and isinstance(error, TypeError):
        return "the function is not made of minicnn's primitives"
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:160]


def _affine(subject: Subject) -> Iterator[Comparison]:
    """f(x) = C·x + f(0), and every way gives C."""
    subject.constant = True
    yield from _linear(subject)


def _function(subject: Subject) -> Iterator[Comparison]:
    """The Jacobian at a point is the same in every way, and the Hessian of a scalar is symmetric."""
    subject.at_point = True
    yield from _sides(subject)
    if subject.function.outputs.size == 1 and not jnp.issubdtype(subject.function.outputs.dtype, jnp.complexfloating):
        yield from _hessian(subject)


def _hessian(subject: Subject) -> Iterator[Comparison]:
    def gradient(*leaves: Any) -> Any:
        return jax.grad(lambda *x: subject.function(*x)[0].reshape(()), argnums=tuple(range(len(leaves))))(*leaves)

    f = Function(gradient, subject.function.primals)
    second = Subject(f, None, subject.exact, None, resolution=subject.resolution, at_point=True)
    square = (subject.function.inputs.size,) * 2
    if np.prod(square, dtype=float) * 64 > memory() // 2:
        subject.skipped["Hessian"] = f"{square[0]}×{square[1]} would not fit"
        return
    H = second.side("jvp")
    yield compare("Hessian = Hessianᵀ", H, H.T, lambda: second.tolerance, second.locate)
    yield second.compare("reverse Hessian = Hessian", second.side("vjp"))


def _bilinear(subject: Subject) -> Iterator[Comparison]:
    """Each face is linear, the faces agree, and so do the mixed second derivatives."""
    f, pair = subject.function, subject.matrix if subject.matrix is not None else (None, None)
    if len(f.args) != 2 or not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError("a bilinear `f` has two arguments, and `matrix` a pair of matrices, one for each")
    faces = [Subject(f.face(n), M, subject.exact, None, subject.ways, subject.resolution) for n, M in enumerate(pair)]
    for name, face in zip(("x", "w"), faces, strict=True):
        for comparison in _linear(face):
            yield _named(f"in {name}: ", comparison)
        subject.skipped |= {f"in {name}: {way}": why for way, why in face.skipped.items()}
    if any(way.endswith("jvp") for way in subject.skipped):
        subject.skipped["∂x∂w f"] = "the function has no jvp"
    else:
        yield from _mixed(f, subject)


def _named(prefix: str, comparison: Comparison) -> Comparison:
    return replace(comparison, identity=prefix + comparison.identity)


def _mixed(f: Function, subject: Subject) -> Iterator[Comparison]:
    """∂²f/∂x∂w in the drawn direction ẇ is C(ẇ): forward over forward, and reverse over forward."""
    x, w = f.args
    direction = jax.tree.map(
        lambda leaf: np.roll(leaf, 1) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact) else leaf, w
    )
    other = Subject(
        Function(lambda x: f.f(x, direction), (x,)), None, subject.exact, None, resolution=subject.resolution
    )

    def along(x: Any) -> Any:
        leaves = Function(lambda w: f.f(x, w), (w,))
        moved = Function(lambda w: w, (direction,)).primals
        return jax.jvp(leaves, leaves.primals, moved)[1]

    mixed = Function(along, (x,))
    yield other.compare("∂x∂w f · ẇ = C(ẇ), forward", materialise(mixed, "jvp"))
    yield other.compare("∂x∂w f · ẇ = C(ẇ), reverse", materialise(mixed, "vjp"))


PROOFS: dict[str, Callable[[Subject], Iterator[Comparison]]] = {
    "linear": _linear,
    "affine": _affine,
    "bilinear": _bilinear,
    "function": _function,
}
