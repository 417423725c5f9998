"""Losses: what they compute, and what they refuse of labels and targets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import autodiff
from minicnn.nn import losses

LOGITS = jnp.array([[2.0, 0.0, 1.0], [0.0, 2.0, -1.0]])
LOSSES = {"cross_entropy": losses.cross_entropy, "competitive": losses.competitive}


def by_hand(name, scores, labels):
    scores = np.asarray(scores, np.float64)
    own = scores[np.arange(len(labels)), labels]
    if name == "cross_entropy":
        return np.mean(np.log(np.exp(scores).sum(1)) - own)
    return np.mean(own + np.log(np.exp(-1) + np.exp(-scores).sum(1)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("labels", [[0, 1], [2, 0], np.array([1, 1], np.uint8), np.array([2, 2], np.int64)])
def test_the_loss_is_the_formula(name, labels):
    np.testing.assert_allclose(LOSSES[name](LOGITS, labels), by_hand(name, LOGITS, labels), rtol=1e-6)
    compiled = jax.jit(LOSSES[name])(LOGITS, jnp.asarray(labels))
    np.testing.assert_allclose(compiled, by_hand(name, LOGITS, labels), rtol=1e-6)


def test_labels_may_have_any_batch_axes_and_none():
    many = jnp.stack([LOGITS, LOGITS])
    np.testing.assert_allclose(
        losses.cross_entropy(many, np.array([[0, 1], [0, 1]])), losses.cross_entropy(LOGITS, [0, 1]), rtol=1e-6
    )
    np.testing.assert_allclose(losses.cross_entropy(LOGITS[0], 0), by_hand("cross_entropy", LOGITS[:1], [0]), rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            [[0], [1]],
            r"`labels` has shape \(2, 1\) and .*: give one class for each example, \(2,\); use labels.squeeze",
        ),
        (np.eye(3)[:2], r"`labels` has shape \(2, 3\).* if these are one-hot, use labels.argmax\(-1\)"),
        (np.eye(3, dtype=int)[:2], "one-hot"),
        ([0], r"`labels` has shape \(1,\)"),
        (0, r"`labels` has shape \(\)"),
        ([0, 1, 1], r"`labels` has shape \(3,\)"),
        ([0, 3], "`labels` has a 3: with 3 classes they are 0 to 2"),
        ([-1, 0], "`labels` has a -1: with 3 classes"),
        ([0.0, 1.0], "`labels` is float32: classes are integers; use labels.astype"),
        ([True, False], "`labels` is bool"),
        (np.array([0, 2**32]), "`labels` holds 4294967296, for which int32 has no room"),
        (np.array([0, 2**32 + 1], np.uint64), "`labels` holds 4294967297, for which uint32 has no room"),
    ],
)
def test_labels_that_are_not_one_class_for_each_example_are_refused(loss, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        loss(LOGITS, labels)
    with pytest.raises((TypeError, ValueError), match=message):
        autodiff.grad(lambda logits: loss(logits, labels))(LOGITS)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_scores_are_real_and_labels_any_integers(loss):
    with pytest.raises(TypeError, match="is complex64 and complex numbers have no order"):
        loss(LOGITS.astype(complex), [0, 1])
    for dtype in (jnp.int4, jnp.uint8, jnp.int16):
        with jax.numpy_dtype_promotion("strict"):
            assert loss(LOGITS, jnp.array([0, 1], dtype)) == loss(LOGITS, [0, 1])
    outside = jnp.array([0, 3])
    assert jnp.isnan(jax.jit(loss)(LOGITS.astype(int), outside))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("outside", [-1, 3, 2**31 - 1])
def test_a_label_out_of_range_that_is_not_seen_makes_loss_and_gradient_nan(loss, outside):
    for engine in (jax, autodiff):
        value, slope = jax.jit(engine.value_and_grad(loss))(LOGITS, jnp.array([0, outside]))
        assert jnp.isnan(value)
        assert not jnp.isnan(slope[0]).any()
        assert jnp.isnan(slope[1]).any()


def test_shapes_are_checked_under_jit_too():
    with pytest.raises(ValueError, match=r"labels\.squeeze"):
        jax.jit(losses.cross_entropy)(LOGITS, jnp.zeros((2, 1), int))


def test_labels_that_are_differentiated_are_refused():
    with pytest.raises(TypeError, match="`labels` is a traced value"):
        autodiff.grad(lambda labels: losses.cross_entropy(LOGITS, labels))(jnp.zeros(2))


def test_a_class_that_is_ruled_out_does_not_count():
    ruled_out = jnp.array([[0.0, -jnp.inf]])
    value, slope = jax.value_and_grad(losses.cross_entropy)(ruled_out, jnp.array([0]))
    assert value == 0
    np.testing.assert_array_equal(slope, [[0, 0]])


@pytest.mark.parametrize("shapes", [((4, 1), (4,)), ((4,), (4, 1)), ((4,), ()), ((2, 3), (3,)), ((1,), (4,))])
def test_squared_error_does_not_broadcast(shapes):
    with pytest.raises(ValueError, match=r"`predicted` has shape .* and `target` .*: reshape one of them"):
        losses.squared_error(*map(jnp.ones, shapes))


def test_squared_error_takes_traced_values_and_numpys():
    f = lambda y: losses.squared_error(y, np.array([1.0, 1.0]))
    np.testing.assert_array_equal(autodiff.grad(f)(jnp.array([1.0, 3.0])), [0, 1])


def test_what_squared_error_subtracts_does_not_wrap_round_and_distances_are_real():
    assert losses.squared_error(jnp.array([100], jnp.int8), jnp.array([-100], jnp.int8)) == 20_000
    assert losses.squared_error(jnp.array([True]), jnp.array([False])) == 0.5
    error = losses.squared_error(jnp.array([3 + 4j]), jnp.array([0j]))
    assert (error, error.dtype) == (12.5, jnp.float32)


def test_sixteen_bits_are_rounded_at_the_end():
    far = jnp.array([[100, 100]], jnp.bfloat16)
    assert losses.cross_entropy(far, [0]) == jnp.asarray(np.log(2), jnp.bfloat16)
    assert losses.squared_error(jnp.array([300, 0, 0, 0], jnp.float16), jnp.zeros(4, jnp.float16)) == 11_250


def test_a_batch_in_sixteen_bits_is_averaged_in_float32():
    logits, labels = jnp.zeros((3000, 2), jnp.bfloat16), np.zeros(3000, int)
    assert losses.cross_entropy(logits, labels) == jnp.asarray(np.log(2), jnp.bfloat16)


@pytest.mark.parametrize("rubbish", [0, -1, jnp.nan])
def test_the_rubbish_class_needs_a_positive_distance(rubbish):
    with pytest.raises(ValueError, match=r"`rubbish`=.* must be"):
        losses.competitive(LOGITS, [0, 1], rubbish)
