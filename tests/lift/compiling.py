"""Compilation for what is run once: XLA optimises nothing."""

from functools import partial

import jax

once = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
