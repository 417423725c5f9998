"""How far two computed values of one sum may lie apart: the rounding bound of a dtype.

A sum of n products, computed in any order, differs from the exact one by at most γ_n·Σ|a||b| with γ_n = n·u/(1 − n·u)
and the unit roundoff u (Higham, *Accuracy and Stability of Numerical Algorithms*, 3.1). Where some of the roundings are
to another dtype, the shares n·u add up. Denormal results may be flushed to zero, hence the second term of
`product_bound`.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Float

Terms = Mapping[Any, Any]  # the roundings on a way, by dtype: numbers, or arrays with one for each entry


def roundoff(dtype: DTypeLike) -> float:
    """The unit roundoff u: half the distance from 1 to the next number."""
    return float(jnp.finfo(dtype).eps) / 2


def exact_range(dtype: DTypeLike) -> int:
    """The largest n such that all integers from −n to n are numbers of the dtype.

    >>> exact_range(jnp.float32) == 2**24, exact_range(jnp.bfloat16) == 2**8, exact_range(jnp.float16) == 2**11
    (True, True, True)
    """
    return 2 ** (jnp.finfo(dtype).nmant + 1)


def gamma(terms: Any, dtype: DTypeLike) -> Any:
    """γ_n for sums of n = `terms` products, a number or an array; infinite where n·u reaches 1.

    >>> gamma(25, jnp.float32) < 1.5e-6
    True
    """
    return compound({jnp.dtype(dtype): terms})


def compound(terms: Terms) -> Any:
    """γ for products of factors 1 + δ, so many of each dtype: s/(1 − s) for s = Σ n·u; infinite where s reaches 1.

    >>> compound({np.dtype(np.float32): 25}) == gamma(25, np.float32)
    True
    """
    share = sum(np.asarray(n, np.float64) * roundoff(dtype) for dtype, n in terms.items())
    share = np.asarray(share)
    with np.errstate(divide="ignore"):
        bound = np.where(share < 1, share / np.maximum(1 - share, 0), np.inf)
    return bound if bound.ndim else float(bound)


def product_bound(size: Float[np.ndarray, "..."], terms: Terms) -> Float[np.ndarray, "..."]:
    """How far two computations of one matrix-vector product may differ, entry by entry.

    Args:
        size: |A|·|x| for every entry of the product.
        terms: the most roundings on the way to one entry, by dtype: one number or one for each. A sum of n products
            takes n.
    """
    smallest = sum(np.asarray(n) * float(jnp.finfo(dtype).tiny) for dtype, n in terms.items())
    with np.errstate(invalid="ignore"):
        relative = np.where(size == 0, 0, 2 * compound(terms) * size)
    return relative + 2 * smallest
