"""MNIST, Fashion-MNIST and CIFAR-10: from small files of the real format, and from the real ones where they are."""

import os
import warnings

import numpy as np
import pytest

from minicnn.data import cifar10, fashion_mnist, mnist
from tests.data.files import IMAGES, LABELS, write_cifar, write_mnist


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(("load", "folder"), [(mnist, "mnist"), (fashion_mnist, "fashion")])
def test_images_are_centred_and_scaled_and_keep_their_labels(tmp_path, load, folder, compress):
    write_mnist(tmp_path / folder, compress=compress)
    data = load(tmp_path)
    assert data.in_shape == (32, 32, 1)
    assert data.train.images.dtype == np.float32
    np.testing.assert_allclose(data.train.images[:, 2:30, 2:30, 0], IMAGES["train"] / 255 * 1.275 - 0.1, atol=1e-6)
    border = np.ones((32, 32), bool)
    border[2:30, 2:30] = False
    np.testing.assert_allclose(data.train.images[:, border], -0.1, atol=1e-7)
    np.testing.assert_allclose(data.test.images.max(), 1.175, atol=1e-6)
    np.testing.assert_array_equal(data.train.labels, LABELS["train"])
    assert data.train.labels.dtype == np.int32
    assert len(data.classes) == 10


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ({"train": np.zeros((5, 20, 20), "u1")}, {}, r"train-images.* holds uint8\(5, 20, 20\): images are uint8"),
        ({"train": np.zeros((0, 28, 28), "u1")}, {}, r"train-images.* holds uint8\(0, 28, 28\)"),
        ({"train": np.zeros((5, 28, 28), "i2")}, {}, r"train-images.* holds int16\(5, 28, 28\)"),
        ({}, {"train": np.zeros(4, "u1")}, r"train-labels.* holds uint8\(4,\): 5 labels are needed"),
        ({}, {"t10k": np.array([1, 10], "u1")}, r"t10k-labels.* holds the label 10: labels are 0 to 9"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, images, labels, message):
    write_mnist(tmp_path / "mnist", IMAGES | images, LABELS | labels)
    with pytest.raises(ValueError, match=message):
        mnist(tmp_path)


def test_cifar_is_planes_behind_a_label(tmp_path):
    pixels = write_cifar(tmp_path / "cifar10", *(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")
    data = cifar10(tmp_path)
    assert data.in_shape == (32, 32, 3)
    assert len(data.train) == 10
    np.testing.assert_array_equal(data.test.labels, [7, 2])
    expected = pixels.reshape(2, 3, 32, 32)[1, 2, 5, 7] / 127.5 - 1
    np.testing.assert_allclose(data.test.images[1, 5, 7, 2], expected, atol=1e-6)
    assert data.pixels == (-1, 1)


def test_a_part_of_the_batches_is_enough_and_is_said(tmp_path):
    write_cifar(tmp_path / "cifar10", "data_batch_2.bin", "data_batch_4.bin", "test_batch.bin")
    with pytest.warns(UserWarning, match="holds 2 of the 5 training batches of CIFAR-10: training uses their 4 images"):
        assert len(cifar10(tmp_path).train) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 bytes: a batch has 3073 for each of its images"),
        (bytes(3072), "has 3,072 bytes"),
        (bytes([10]) + bytes(3072), "holds the label 10"),
    ],
)
def test_a_damaged_batch_is_named(tmp_path, content, message):
    write_cifar(tmp_path / "cifar10", "test_batch.bin")
    (tmp_path / "cifar10" / "data_batch_1.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"data_batch_1\.bin " + message):
        cifar10(tmp_path)


@pytest.mark.skipif("MINICNN_DATA" not in os.environ, reason="$MINICNN_DATA names no folder with the real files")
def test_the_real_files_have_their_known_sizes():
    for load in (mnist, fashion_mnist):
        data = load()
        assert (len(data.train), len(data.test)) == (60_000, 10_000)
        np.testing.assert_array_equal(np.bincount(data.test.labels) > 800, True)
    images = mnist().train.images
    assert abs(images.mean()) < 0.05
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert len(cifar10().test) == 10_000
