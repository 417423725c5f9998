"""A data set checks its labels: their shape, their type, their number and their range."""

import jax.numpy as jnp
import numpy as np
import pytest

from minicnn.data import Dataset, Split

IMAGES = np.zeros((3, 4, 4, 1), np.float32)
SPLIT = Split(IMAGES, np.array([0, 1, 2], np.int32))


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.zeros((3, 1), int), ValueError, r"`labels` of shape \(3, 1\) must be \(3,\).*give `labels.ravel\(\)`"),
        (
            np.eye(3, 10),
            ValueError,
            r"`labels` of shape \(3, 10\) must be \(3,\).*`labels.argmax\(-1\)`",
        ),
        (np.zeros(2, int), ValueError, r"`labels` of shape \(2,\) must be \(3,\), one for each image$"),
        (np.zeros((), int), ValueError, r"`labels` of shape \(\) must be \(3,\)"),
        (np.zeros((2, 3), int), ValueError, r"`labels` of shape \(2, 3\) must be \(3,\), one for each image$"),
        (np.zeros(3), TypeError, r"`labels` of float64 must be integers: give `labels.astype\('int32'\)`"),
        (np.zeros(3, bool), TypeError, "`labels` of bool must be integers"),
        (np.array(["a", "b", "c"]), TypeError, "`labels` of <U1 must be integers"),
    ],
)
def test_labels_are_one_integer_for_each_image(labels, error, message):
    with pytest.raises(error, match=message):
        Split(IMAGES, labels)


def test_lists_and_arrays_of_jax_become_arrays_of_numpy():
    split = Split(IMAGES.tolist(), jnp.array([0, 1, 2]))
    assert (type(split.images), type(split.labels)) == (np.ndarray, np.ndarray)
    with pytest.raises(TypeError, match="`labels` of float64 must be integers"):
        Split(IMAGES, [0.0, 1.0, 2.0])


def test_images_have_four_axes():
    with pytest.raises(ValueError, match=r"`images` of shape \(3, 4, 4\) must be .*give `images\[..., None\]`"):
        Split(IMAGES[..., 0], np.zeros(3, int))
    with pytest.raises(ValueError, match=r"`images` of shape \(3, 16\) must be \(n, height, width, channels\)$"):
        Split(IMAGES.reshape(3, 16), np.zeros(3, int))


@pytest.mark.parametrize("labels", [[0, 1, 3], [-1, 0, 1], [1, 2, 3]])
@pytest.mark.parametrize("where", ["train", "test"])
def test_labels_number_the_classes_from_0(where, labels):
    splits = {"train": SPLIT, "test": SPLIT} | {where: Split(IMAGES, np.array(labels))}
    message = f"`{where}` has labels from {min(labels)} to {max(labels)}: the 3 `classes` are numbered from 0 to 2"
    with pytest.raises(ValueError, match=message):
        Dataset("mine", ("a", "b", "c"), **splits)


def test_images_of_both_splits_are_alike():
    with pytest.raises(ValueError, match=r"images of `train` are \(4, 4, 1\), of `test` \(5, 4, 1\)"):
        Dataset("mine", ("a", "b", "c"), SPLIT, Split(np.zeros((3, 5, 4, 1), np.float32), SPLIT.labels))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_labels_of_any_integer_type_are_taken_and_a_split_may_be_empty(dtype):
    split = Split(IMAGES, np.array([2, 0, 1], dtype))
    assert Dataset("mine", ("a", "b", "c"), split, split[:0]).in_shape == (4, 4, 1)


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (-np.inf, "infinite values")])
@pytest.mark.parametrize("where", ["train", "test"])
def test_pixels_are_finite(where, value, name):
    images = IMAGES.astype(np.float32)
    images[1, 2, 3] = value
    splits = {"train": SPLIT, "test": SPLIT} | {where: Split(images, SPLIT.labels)}
    with pytest.raises(ValueError, match=rf"`{where}\.images` contains {name}, first in image 1: leave"):
        Dataset("mine", ("a", "b", "c"), **splits)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES.astype(str), TypeError, "`images` of <U32 must be numbers: give `images.astype"),
        (IMAGES.astype(object), TypeError, "`images` of object must be numbers"),
        (IMAGES.astype(complex), TypeError, "`images` of complex128 must be numbers"),
        (None, ValueError, r"`images` of shape \(\) must be"),
    ],
)
def test_images_are_numbers(images, error, message):
    with pytest.raises(error, match=message):
        Split(images, np.zeros(3, int))


def test_numbers_of_another_machine_are_turned_to_its_own():
    split = Split(IMAGES.astype(">f4"), np.array([0, 1, 2], ">i4"))
    assert split.images.dtype.isnative
    assert split.labels.dtype.isnative
    assert Split(IMAGES, jnp.array([0, 1, 2], jnp.int4)).labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"classes": None}, TypeError, "`classes`=None must be a tuple of names"),
        ({"classes": "abc"}, TypeError, "`classes`='abc' must be a tuple of names"),
        ({"train": (IMAGES, [0, 1, 2])}, TypeError, "`train` is a tuple: make it a minicnn.data.Split"),
        ({"pixels": (0,)}, ValueError, r"`pixels`=\(0,\) must be two numbers"),
        ({"pixels": (1, 1)}, ValueError, r"`pixels`=\(1, 1\) must be two numbers"),
        ({"pixels": (0, np.inf)}, ValueError, "must be two numbers"),
        ({"pixels": (0, np.nan)}, ValueError, "`pixels`=nan must be a number"),
        ({"pixels": "01"}, ValueError, "`pixels`='01' must be two numbers"),
        ({"pixels": ("a", "b")}, TypeError, "`pixels`='a' must be a number"),
    ],
)
def test_what_makes_a_data_set_is_of_its_kind(changed, error, message):
    with pytest.raises(error, match=message):
        Dataset(**{"name": "mine", "classes": ("a", "b", "c"), "train": SPLIT, "test": SPLIT} | changed)


@pytest.mark.parametrize("size", [0, -1, 2.5, "2", None, True])
def test_a_batch_has_a_whole_number_of_images(size):
    with pytest.raises((TypeError, ValueError), match="`size`="):
        next(SPLIT.batches(size))
