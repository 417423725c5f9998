"""What a map's matrix knows: singular values, norms, bounds and solutions, exact or with certified bounds.

Every question is answered by the cheapest method that is right for the map, and `explain` says which one that is.
Nothing is approximated in silence: a method refuses what it is not exact for, and an iteration says how far it came.
"""

from minicnn.linalg.bounds import Bounds, Estimate, bounds
from minicnn.linalg.brackets import Bracket, bracket
from minicnn.linalg.lanczos import ConvergenceError
from minicnn.linalg.methods import Explanation, explain
from minicnn.linalg.norms import norm
from minicnn.linalg.projections import Lipschitz, lipschitz, project
from minicnn.linalg.solves import Solution, gram, lstsq, null_space, pinv, slogdet
from minicnn.linalg.symbols import symbol
from minicnn.linalg.values import Factors, cond, rank, svd, svdvals

__all__ = [
    "Bounds",
    "Bracket",
    "ConvergenceError",
    "Estimate",
    "Explanation",
    "Factors",
    "Lipschitz",
    "Solution",
    "bounds",
    "bracket",
    "cond",
    "explain",
    "gram",
    "lipschitz",
    "lstsq",
    "norm",
    "null_space",
    "pinv",
    "project",
    "rank",
    "slogdet",
    "svd",
    "svdvals",
    "symbol",
]
