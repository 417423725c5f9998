"""Can a convolution solve the heat equation?

∂u/∂t = ν·∂²u/∂x². The second difference is the kernel 1, −2, 1. A step of heat is u + ν·C·u, with the stencil ν,
1 − 2ν, ν: repeated t times from a point, the variance grows along the line 2νt, exactly, and the profile tends to a
Gaussian. A step backwards in time is a system, (I − ν·C)·u = b, solved by conjugate gradients from products with the
map alone; its solution from a point has variance 2ν as well. The stencil explodes for ν > ½, where 1 − 4ν < −1; the
solution never does. And −C·u = h²·f is Poisson's equation, whose error falls as h².

Sources: notes on convolutional networks after *Deep Learning*, one line on differential equations; von Neumann's
analysis of stability.
"""

from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax.scipy.sparse.linalg import cg
from matplotlib.figure import Figure
from scipy import stats

from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.one_channel import convolution_map, convolve
from minicnn.maps import LinearMap, identity

ROWS = (23,)
SMALL = {"steps": 16, "finest": 31}
FULL = {"steps": 2000, "finest": 1023}

SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0])
DIFFUSIVITIES = (0.1, 0.25, 0.4)


def run(steps: int = 100, finest: int = 127) -> Result:
    """Let heat flow by repeated stencils, and by solving systems.

    Args:
        steps: of time.
        finest: positions of the finest grid of Poisson's equation; one less than a power of two.
    """
    profiles = {nu: explicit(nu, steps) for nu in DIFFUSIVITIES}
    variances = {nu: [variance(u) for u in profile] for nu, profile in profiles.items()}
    lines = {nu: 2 * nu * np.arange(steps + 1) for nu in DIFFUSIVITIES}
    counts = exact_variances(12)
    distance = [gaussian_distance(profiles[0.25][t]) for t in (steps // 4, steps)]
    unstable, stable = (float(np.abs(u).max()) for u in (explicit(0.6, steps)[-1], implicit(0.6, steps)))
    once = implicit(0.6, 1, 201)
    b = np.sin(np.arange(40.0)) + 1
    grids = [2**k - 1 for k in range(3, (finest + 1).bit_length())]
    errors = [poisson_error(n) for n in grids]
    slope = float(np.polyfit(np.log([1 / (n + 1) for n in grids]), np.log(errors), 1)[0])
    claims: list[Claim] = [
        equal(
            "1, 2, 1 over 4 repeated, in integers: variances", counts, [Fraction(t, 2) for t in range(12)], "2νt, ν = ¼"
        ),
        *(
            equal(f"ν = {nu}: variance after {steps} steps", variances[nu][-1], lines[nu][-1], "2νt", 1e-12 * steps)
            for nu in DIFFUSIVITIES
        ),
        at_most(
            "distance to the Gaussian after four times the steps, over before", distance[1] / distance[0], 0.3, "1/t"
        ),
        at_least("stencil with ν = 0.6: largest value in the end", unstable, 1.5 ** (steps / 8), "1 − 4ν = −1.4"),
        at_most("solving with ν = 0.6: largest value in the end", stable, 1, "1 ≤ 1 + 4ν"),
        equal("solving once from a point: variance", variance(once), 1.2, "2ν", 1e-8),
        equal("(I − ν·C)·u = b is SciPy's banded solution", solved(0.6, b), banded(0.6, b), "SciPy", 1e-9),
        equal("−u″ = π²·sin(πx): slope of the error against h", slope, 2, "second differences", 0.05),
    ]
    times = range(0, steps + 1, max(steps // 5, 1))
    columns = ("step", *(f"ν = {nu}: variance" for nu in DIFFUSIVITIES))
    rows = tuple((t, *(variances[nu][t] for nu in DIFFUSIVITIES)) for t in times)
    tables = (
        Table("Heat from a point", columns, rows),
        Table(
            "Poisson's equation",
            ("h", "largest error"),
            tuple((1 / (n + 1), e) for n, e in zip(grids, errors, strict=True)),
        ),
    )
    return Result(claims, tables, (_picture(profiles, variances, dict(zip(grids, errors, strict=True))),))


def explicit(nu: float, steps: int) -> np.ndarray:
    """The profiles of heat from a point, one row a step, on a line that is long enough."""
    profiles = [_point(2 * steps + 1)]
    for _ in range(steps):
        profiles.append(convolve(profiles[-1], np.array([nu, 1 - 2 * nu, nu]), "SAME"))
    return np.array(profiles)


def implicit(nu: float, steps: int, size: int = 81) -> np.ndarray:
    """The last profile of heat from a point, every step the solution of a system."""
    u = _point(size)
    for _ in range(steps):
        u = solved(nu, u)
    return u


def solved(nu: float, b: np.ndarray) -> np.ndarray:
    """The solution of (I − ν·C)·u = b with u = 0 beyond the ends, by conjugate gradients."""
    with jax.enable_x64(True):
        return np.asarray(_solve(nu, jnp.asarray(b)[:, None]))[:, 0]


@jax.jit
def _solve(nu: Any, b: jax.Array) -> jax.Array:
    return cg(backward(nu, len(b)), b, tol=1e-13)[0]


def backward(nu: Any, size: int) -> LinearMap:
    """I − ν·C."""
    C = convolution_map(SECOND_DIFFERENCE, size, padding="SAME")
    return identity(C.in_shape, C.dtype) - nu * C


def banded(nu: float, b: np.ndarray) -> np.ndarray:
    """The same solution by SciPy, from the two diagonals."""
    return scipy.linalg.solveh_banded([np.full(len(b), -nu), np.full(len(b), 1 + 2 * nu)], b)


def poisson_error(size: int) -> float:
    """The largest error of −u″ = π²·sin(πx) on (0, 1) with u = 0 at the ends, from its values at so many places."""
    h = 1 / (size + 1)
    x = h * np.arange(1, size + 1)
    with jax.enable_x64(True):
        C = convolution_map(SECOND_DIFFERENCE, size, padding="SAME")
        f = jnp.asarray(h**2 * np.pi**2 * np.sin(np.pi * x))[:, None]
        u = np.asarray(cg(-C, f, tol=1e-13)[0])[:, 0]
    return float(np.abs(u - np.sin(np.pi * x)).max())


def exact_variances(steps: int) -> list[Fraction]:
    """Variances of 1, 2, 1 convolved with itself, from integers."""
    u, found = np.eye(1, 2 * steps + 1, steps, dtype=int)[0], []
    for _ in range(steps):
        found.append(Fraction(int(u @ (np.arange(len(u)) - steps) ** 2), int(u.sum())))
        u = convolve(u, [1, 2, 1], "SAME")
    return found


def variance(u: np.ndarray) -> float:
    """The variance of a profile of total 1 around the middle."""
    return float(u @ (np.arange(len(u)) - len(u) // 2) ** 2)


def gaussian_distance(u: np.ndarray) -> float:
    """The largest distance of a profile from the Gaussian of its variance, in parts of the peak."""
    gaussian = stats.norm.pdf(np.arange(len(u)) - len(u) // 2, scale=np.sqrt(variance(u)))
    return float(np.abs(u - gaussian).max() / gaussian.max())


def _point(size: int) -> np.ndarray:
    return np.eye(1, size, size // 2)[0]


def _picture(
    profiles: dict[float, np.ndarray], variances: dict[float, list[float]], errors: dict[int, float]
) -> Picture:
    def draw(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3)
        for t, style in ((4, "o"), (16, "s")):
            u = profiles[0.25][t]
            x = np.arange(len(u)) - len(u) // 2
            (line,) = left.plot(x, u, style, label=f"{t} steps", markersize=3)
            x = np.linspace(-12, 12, 241)
            left.plot(x, stats.norm.pdf(x, scale=np.sqrt(t / 2)), color=line.get_color(), linewidth=1)
        left.set(title="ν = ¼, and Gaussians", xlabel="x", xlim=(-12, 12), ylim=(0, 0.42))
        left.legend(frameon=False, fontsize="small")
        for (nu, found), style in zip(variances.items(), ("o", "s", "^"), strict=True):
            steps = np.arange(len(found))
            shown = slice(None, None, max(len(found) // 8, 1))
            (line,) = middle.plot(steps[shown], found[shown], style, label=f"ν = {nu}", markersize=4)
            middle.plot(steps, 2 * nu * steps, color=line.get_color(), linewidth=1)
        middle.set(title="variance, on 2νt", xlabel="step t")
        middle.legend(frameon=False, fontsize="small")
        h = 1 / (np.array(list(errors)) + 1)
        right.loglog(h, list(errors.values()), "o-", label="−u″ = f, error")
        right.loglog(h, h**2, "k:", label="slope 2")
        right.set(title="solving for u", xlabel="h")
        right.legend(frameon=False, fontsize="small")

    return Picture("heat", "Heat from a point; its variance; the error of Poisson's equation.", draw, 0.42)
