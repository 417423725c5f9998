"""The benchmark: our forms beside `jax.lax`, flax and PyTorch, measured in turn in one run."""

from minicnn.bench import auto_choice, growth, own_model, report
from minicnn.bench.cases import CASES, Case, find
from minicnn.bench.measure import Measurement, compare

__all__ = ["CASES", "Case", "Measurement", "auto_choice", "compare", "find", "growth", "own_model", "report"]
