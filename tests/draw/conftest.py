"""Every test draws without a screen and leaves no figure behind; a 3×3 convolution that many of them draw."""

import jax.numpy as jnp
import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from minicnn import conv_map

mpl.use("agg")


@pytest.fixture(autouse=True)
def closed():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def C():
    return conv_map(jnp.arange(1.0, 10.0).reshape(3, 3, 1, 1) - 4, (4, 4))
