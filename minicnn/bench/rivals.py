"""Who is measured: every rival makes the same two programs of a case, forward and forward plus backward."""

# pyright: reportMissingImports=false

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from minicnn.bench import jax_operations, torch_operations
from minicnn.bench.cases import Case

Program = Callable[[], Any]
_STEPS = 8  # iterations of a scan: enough that what happens once does not count
_RATE = 1e-6  # of a step against the gradients: small, so that no parameter leaves its range in any number of steps


@dataclass(frozen=True)
class Programs:
    """What one rival runs for one case.

    Attributes:
        forward: compute the result, and wait for it; None where it is not measured.
        step: compute the result and the gradients of all operands; of a network, also the next parameters.
        steps: how many steps one call of `step` makes.
        compile_seconds: tracing and compiling `step`.
        temporary_bytes: what `step` allocates besides arguments and results, where the compiler says so.
    """

    forward: Program | None
    step: Program
    steps: int = 1
    compile_seconds: float | None = None
    temporary_bytes: int | None = None


def in_jax(case: Case, function: Callable[..., Any], scanned: bool = False) -> Programs:
    """The programs of a function of JAX arrays; `scanned` puts the step into a `lax.scan`."""
    held, operands = jax_operations.held(case), jax_operations.operands(case)

    def gradients(held: Any, *operands: Any) -> tuple[Any, Any]:
        y, pull_back = jax.vjp(partial(function, *held), *operands)
        return y, pull_back(jax.numpy.ones_like(y))

    def moved(held: Any, *operands: Any) -> Any:
        _, gradient = gradients(held, *operands)
        return jax.tree.map(lambda operand, slope: operand - _RATE * slope, operands, gradient)

    def scan(held: Any, *operands: Any) -> Any:
        return jax.lax.scan(lambda carry, _: (moved(held, *carry), None), operands, length=_STEPS)[0]

    program = scan if scanned else moved if case.network else gradients
    begun = time.perf_counter()
    step = jax.jit(program).lower(held, *operands).compile()
    seconds = time.perf_counter() - begun
    analysis = step.memory_analysis()
    forward = None if scanned else jax.jit(function)
    return Programs(
        None if forward is None else lambda: jax.block_until_ready(forward(*held, *operands)),
        lambda: jax.block_until_ready(step(held, *operands)),
        _STEPS if scanned else 1,
        seconds,
        getattr(analysis, "temp_size_in_bytes", None),
    )


def ours(case: Case) -> Programs:
    """The programs of minicnn."""
    return in_jax(case, jax_operations.ours(case))


def ours_in_scan(case: Case) -> Programs:
    """The programs of minicnn, inside `lax.scan`."""
    return in_jax(case, jax_operations.ours(case), scanned=True)


def lax(case: Case) -> Programs:
    """The programs of `jax.lax`, called step by step."""
    return in_jax(case, jax_operations.theirs(case))


def lax_in_scan(case: Case) -> Programs:
    """The programs of `jax.lax`, inside `lax.scan`."""
    return in_jax(case, jax_operations.theirs(case), scanned=True)


def flax(case: Case) -> Programs | None:
    """The programs of `flax.nnx.Conv`, where flax is installed."""
    if case.operation != "conv" or case.mapped or case.layout != "NHWC" or not _installed("flax"):
        return None
    return in_jax(case, jax_operations.flax(case))


def torch(case: Case, channels_last: bool = False, compiled: bool = False) -> Programs | None:
    """The programs of PyTorch, where it is installed."""
    if case.mapped or not _installed("torch"):
        return None
    import torch

    function, operands = torch_operations.function(case), torch_operations.operands(case, channels_last)
    wanted = [operand for operand in operands if operand.requires_grad]
    begun = time.perf_counter()
    if compiled:
        torch.compiler.reset()  # after eight shapes of one function PyTorch goes on without compiling, and says so once
        function = torch.compile(function, dynamic=False)

    def forward() -> Any:
        with torch.no_grad():
            return function(*operands)

    def step() -> Any:
        for operand in wanted:
            operand.grad = None
        y = function(*operands)
        y.backward(torch.ones_like(y))
        if case.network:
            with torch.no_grad():
                for operand in wanted:
                    operand.add_(operand.grad, alpha=-_RATE)
        return y

    if not compiled:
        return Programs(forward, step)
    step()
    return Programs(forward, step, compile_seconds=time.perf_counter() - begun)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


OURS, OURS_IN_SCAN = "minicnn", "minicnn in scan"

RIVALS: dict[str, Callable[[Case], Programs | None]] = {
    OURS: ours,
    OURS_IN_SCAN: ours_in_scan,
    "lax": lax,
    "lax in scan": lax_in_scan,
    "flax": flax,
    "torch": torch,
    "torch channels-last": lambda case: torch(case, channels_last=True) if case.rank == 2 else None,
    "torch compiled": lambda case: torch(case, compiled=True),
}
