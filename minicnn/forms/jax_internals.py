"""What JAX does not make public and yet has to know about our primitives; all of its private names that we use.

Each entry says what it is for. Where a later JAX has moved one, the function it serves is lost, not the import.
"""

from contextlib import suppress
from functools import partial

from jax.extend import core


def check_for_nans(primitive: core.Primitive) -> None:
    """Let `jax.experimental.checkify` look for NaNs in the results of a primitive, as it does for JAX's own.

    Its table of checks has no public name, and without an entry a NaN passes.
    """
    with suppress(ImportError):
        from jax._src.checkify import error_checks, nan_error_check

        error_checks[primitive] = partial(nan_error_check, primitive)
