"""Does a jitted LeNet-5 step cost more with our gradients than with JAX's?

Both engines differentiate the same model and loss. Their compiled steps run in turn, so that whatever else the machine
does meets both; the table gives medians.

    python experiments/autodiff_speed.py --rounds 60
"""

import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import typer
from rich.console import Console
from rich.table import Table

from minicnn import autodiff
from minicnn.nn.losses import cross_entropy
from minicnn.zoo import LeNet5


def main(
    rounds: Annotated[int, typer.Option(help="Steps of each engine that are timed.")] = 60,
    batch: Annotated[int, typer.Option(help="Images per step.")] = 128,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.05,
) -> None:
    model = LeNet5()
    params = model.init(jax.random.key(0), (32, 32, 1))
    images = jax.random.normal(jax.random.key(1), (batch, 32, 32, 1))
    labels = jax.random.randint(jax.random.key(2), (batch,), 0, 10)

    def loss(params: Any) -> Any:
        return cross_entropy(model.apply(params, images), labels)

    def step_with(value_and_grad: Callable[..., Any]) -> Callable[[Any], Any]:
        @jax.jit
        def step(params: Any) -> Any:
            value, gradients = value_and_grad(loss)(params)
            return jax.tree.map(lambda p, g: p - rate * g, params, gradients), value

        return step

    engines = {"jax": step_with(jax.value_and_grad), "minicnn": step_with(autodiff.value_and_grad)}
    states, seconds = dict.fromkeys(engines, params), {name: [] for name in engines}
    compiling = {name: _timed(step, params)[1] for name, step in engines.items()}
    for _ in range(rounds):
        for name, step in engines.items():
            (states[name], _), elapsed = _timed(step, states[name])
            seconds[name].append(elapsed)

    table = Table("engine", "median step, ms", "fastest, ms", "first call, s", title=f"LeNet-5, batch {batch}")
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, times in seconds.items():
        table.add_row(name, f"{1e3 * medians[name]:.2f}", f"{1e3 * min(times):.2f}", f"{compiling[name]:.2f}")
    first = [step(params)[0] for step in engines.values()]
    differences = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), *first)
    console = Console()
    console.print(table)
    console.print(f"ratio of medians {medians['minicnn'] / medians['jax']:.3f}")
    console.print(f"after one step the parameters differ by at most {max(jax.tree.leaves(differences)):.1e}")


def _timed(step: Callable[[Any], Any], params: Any) -> tuple[Any, float]:
    begun = time.perf_counter()
    result = jax.block_until_ready(step(params))
    return result, time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(main)
