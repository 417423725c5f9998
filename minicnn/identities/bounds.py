"""How far two computed values of one sum may lie apart: the rounding bound of a dtype.

A sum of n products, computed in any order, differs from the exact one by at most γ_n·Σ|a||b| with γ_n = n·u/(1 − n·u)
and the unit roundoff u (Higham, *Accuracy and Stability of Numerical Algorithms*, 3.1). Denormal results may be
flushed to zero, hence the second term.
"""

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Float


def gamma(terms: int, dtype: DTypeLike) -> float:
    """γ_n for sums of `terms` products.

    >>> gamma(25, jnp.float32) < 1.5e-6
    True
    """
    roundoff = float(jnp.finfo(dtype).eps) / 2
    return terms * roundoff / (1 - terms * roundoff)


def product_bound(size: Float[np.ndarray, "..."], terms: int, dtype: DTypeLike) -> Float[np.ndarray, "..."]:
    """How far two computations of one matrix-vector product may differ, entry by entry.

    Args:
        size: |A|·|x| for every entry of the product.
        terms: the most products that are summed for one entry.
        dtype: of the computation.
    """
    smallest = float(jnp.finfo(dtype).tiny)
    return 2 * gamma(terms, dtype) * size + 2 * terms * smallest
