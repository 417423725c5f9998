"""Initialisers draw what has fractions."""

import jax
import jax.numpy as jnp
import pytest

from minicnn import nn
from minicnn.nn.initializers import glorot_uniform, he_normal, lecun_1998

KEY = jax.random.key(0)


@pytest.mark.parametrize("draw", [he_normal, glorot_uniform, lecun_1998])
@pytest.mark.parametrize("dtype", [jnp.int32, jnp.bool_])
def test_integers_are_refused_by_the_name_of_the_argument(draw, dtype):
    with pytest.raises(TypeError, match=r"`dtype`=(int32|bool) has no fractions, .* use one such as float32"):
        draw(KEY, (3, 2), dtype)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, "float32", None])
def test_what_has_fractions_is_drawn(dtype):
    assert lecun_1998(KEY, (3, 2), dtype).dtype == jnp.dtype(dtype or jnp.float32)


def test_a_layer_of_integers_is_refused_in_the_same_words():
    with pytest.raises(TypeError, match="`dtype`=int32 has no fractions"):
        nn.Dense(3).init(KEY, (2,), jnp.int32)
