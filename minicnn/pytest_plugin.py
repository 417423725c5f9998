"""The pytest plugin: the fixture `certified`, which fails a test whose gradient is wrong.

It loads nothing itself: tests that need no certificate do not wait for JAX.
"""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def certified() -> Callable[..., Any]:
    """Certify a model, whole and layer by layer, or a function; what does not hold fails the test.

    `certified(model, *inputs)` returns the certificates of `minicnn.identities.certify_model`. With options, as in
    `certified(f, x, matrix=C)`, it is `minicnn.certify`, and returns its one certificate.
    """

    def certified(model: Any, *inputs: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        from minicnn.identities import certify, certify_model

        if set(options) - {"key"}:
            certificate = certify(model, *inputs, **options)
            certificate.raise_if_failed()
            return certificate
        certificates = certify_model(model, *inputs, **options)
        for certificate in certificates:
            certificate.raise_if_failed()
        return certificates

    return certified
