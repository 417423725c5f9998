"""How far two computed values of one sum may lie apart: the rounding bound of a dtype.

A sum of n products, computed in any order, differs from the exact one by at most γ_n·Σ|a||b| with γ_n = n·u/(1 − n·u)
and the unit roundoff u (Higham, *Accuracy and Stability of Numerical Algorithms*, 3.1). Denormal results may be
flushed to zero, hence the second term of `product_bound`.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Float


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
    share = np.asarray(terms, np.float64) * roundoff(dtype)
    with np.errstate(divide="ignore"):
        bound = np.where(share < 1, share / np.maximum(1 - share, 0), np.inf)
    return bound if bound.ndim else float(bound)


def product_bound(size: Float[np.ndarray, "..."], terms: Any, dtype: DTypeLike) -> Float[np.ndarray, "..."]:
    """How far two computations of one matrix-vector product may differ, entry by entry.

    Args:
        size: |A|·|x| for every entry of the product.
        terms: the most products that are summed for one entry, one number or one for each.
        dtype: of the computation.
    """
    smallest = float(jnp.finfo(dtype).tiny)
    with np.errstate(invalid="ignore"):
        relative = np.where(size == 0, 0, 2 * gamma(terms, dtype) * size)
    return relative + 2 * np.asarray(terms) * smallest
