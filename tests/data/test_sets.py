"""MNIST, Fashion-MNIST and CIFAR-10: from small files of the real format, and from the real ones where they are."""

import os
import struct
import warnings

import numpy as np
import pytest

from minicnn.data import cifar10, emnist, fashion_mnist, mnist, qmnist
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


def renamed(folder, **names):
    """Rename files by replacing parts of their names."""
    for path in list(folder.iterdir()):
        name = path.name
        for old, new in names.items():
            name = name.replace(old.replace("_", "-"), new)
        path.rename(folder / name)


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw", "MNIST", "raw", "."])
@pytest.mark.parametrize("dotted", [False, True])
def test_mnist_is_found_under_the_names_and_in_the_folders_people_have(folder, dotted, tmp_path):
    write_mnist(tmp_path / folder, compress=False)
    if dotted:  # as 7-zip unpacks it
        renamed(tmp_path / folder, _idx=".idx")
    np.testing.assert_array_equal(mnist(tmp_path).train.labels, LABELS["train"])


def test_a_file_may_be_in_a_folder_of_its_own_name(tmp_path):
    write_mnist(tmp_path, compress=False)
    for path in list(tmp_path.iterdir()):
        content = path.read_bytes()
        path.unlink()
        path.mkdir()
        (path / path.name).write_bytes(content)
    np.testing.assert_array_equal(mnist(tmp_path).train.labels, LABELS["train"])


def test_a_name_that_ends_in_gz_may_be_of_a_file_that_is_not_compressed(tmp_path):
    write_mnist(tmp_path, compress=False)
    for path in list(tmp_path.iterdir()):
        path.rename(f"{path}.gz")
    assert len(mnist(tmp_path).train) == 5


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_mnist(tmp_path / "mine" / "mnist")
    assert len(mnist("~/mine").train) == 5
    monkeypatch.setenv("MINICNN_DATA", "~/mine")
    assert len(mnist().train) == 5


def write_qmnist(folder):
    facts = {part: np.zeros((len(labels), 8), "i4") for part, labels in LABELS.items()}
    for part, labels in LABELS.items():
        facts[part][:, 0], facts[part][:, 2] = labels, 1234
    write_mnist(folder, labels=facts)
    renamed(folder, train_="qmnist-train-", t10k_="qmnist-test-", labels_idx1_ubyte="labels-idx2-int")


@pytest.mark.parametrize("load", [qmnist, mnist])
def test_qmnist_has_eight_facts_of_each_image_the_first_of_which_is_the_class(load, tmp_path):
    write_qmnist(tmp_path / "QMNIST" / "raw")
    data = load(tmp_path)
    assert data.name == "qmnist"
    np.testing.assert_array_equal(data.train.labels, LABELS["train"])
    np.testing.assert_allclose(data.train.images[:, 2:30, 2:30, 0], IMAGES["train"] / 255 * 1.275 - 0.1, atol=1e-6)


@pytest.mark.parametrize("chosen", ["digits", "mnist"])
@pytest.mark.parametrize("load", [emnist, mnist])
def test_emnist_is_stored_column_by_column(load, chosen, tmp_path):
    write_mnist(tmp_path / "EMNIST" / "raw", {part: array.swapaxes(1, 2) for part, array in IMAGES.items()})
    renamed(tmp_path / "EMNIST" / "raw", train_=f"emnist-{chosen}-train-", t10k_=f"emnist-{chosen}-test-")
    data = load(tmp_path)
    assert data.name == "emnist"
    np.testing.assert_allclose(data.train.images[:, 2:30, 2:30, 0], IMAGES["train"] / 255 * 1.275 - 0.1, atol=1e-6)


def test_mnist_itself_comes_before_its_relatives(tmp_path):
    write_qmnist(tmp_path / "QMNIST" / "raw")
    write_mnist(tmp_path / "MNIST" / "raw")
    assert mnist(tmp_path).name == "mnist"


@pytest.mark.parametrize(
    ("load", "labels", "message"),
    [
        (mnist, [9, 2, 1, 1, 6, 1, 4, 6, 5, 7], "t10k-labels.* holds the labels of fashion, not of mnist"),
        (fashion_mnist, [7, 2, 1, 0, 4, 1, 4, 9, 5, 9], "t10k-labels.* holds the labels of mnist, not of fashion"),
    ],
)
def test_a_set_of_the_same_file_names_is_not_taken_for_another(load, labels, message, tmp_path):
    images = {"train": IMAGES["train"], "t10k": np.zeros((10, 28, 28), "u1")}
    write_mnist(tmp_path, images, LABELS | {"t10k": np.array(labels, "u1")})
    with pytest.raises(ValueError, match=message):
        load(tmp_path)


def test_sets_that_are_not_downloaded_say_so(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINICNN_DATA", raising=False)
    with pytest.raises(
        FileNotFoundError, match=r"qmnist is not in .*--data-dir FOLDER with qmnist-train-images"
    ) as caught:
        qmnist(tmp_path)
    assert "network" not in str(caught.value)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ({"train": np.zeros((5, 20, 20), "u1")}, {}, r"train-images.* holds uint8\(5, 20, 20\): images are uint8"),
        ({"train": np.zeros((0, 28, 28), "u1")}, {}, r"train-images.* holds uint8\(0, 28, 28\)"),
        ({"train": np.zeros((5, 28, 28), "i2")}, {}, r"train-images.* holds int16\(5, 28, 28\)"),
        ({}, {"train": np.zeros(4, "u1")}, r"train-labels.* holds uint8\(4,\): 5 labels are needed"),
        ({}, {"train": np.zeros(5, "i2")}, r"train-labels.* holds int16\(5,\): labels are uint8"),
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


@pytest.mark.parametrize("folder", ["cifar10", "cifar-10-batches-bin", "."])
def test_cifar_is_found_where_people_unpack_it(folder, tmp_path):
    write_cifar(tmp_path / folder, *(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")
    assert len(cifar10(tmp_path).train) == 10


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


def test_a_batch_with_more_images_than_one_has_is_refused_by_its_size(tmp_path, monkeypatch):
    write_cifar(tmp_path / "cifar10", *(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")
    large, size = tmp_path / "cifar10" / "data_batch_3.bin", 10_001 * 3073
    os.truncate(large, size)  # of holes, which take no place on the disk
    read, fromfile = [], np.fromfile
    monkeypatch.setattr(np, "fromfile", lambda path, *rest: read.append(path) or fromfile(path, *rest))
    with pytest.raises(ValueError, match=rf"batch_3\.bin has {size:,} bytes: .*, and 30,730,000 if it is whole$"):
        cifar10(tmp_path)
    assert large not in read


def test_files_larger_than_any_of_their_sets_are_refused_before_they_are_read(tmp_path):
    write_mnist(tmp_path / "mnist", compress=False)
    labels = tmp_path / "mnist" / "train-labels-idx1-ubyte"
    labels.write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">I", 161))
    os.truncate(labels, 8 + 161)
    with pytest.raises(ValueError, match=r"train-labels.* 161 entries, 161 bytes: more than 160 are not read"):
        mnist(tmp_path)
    images = tmp_path / "mnist" / "train-images-idx3-ubyte"
    images.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 240_001, 28, 28))
    os.truncate(images, 16 + 240_001 * 28**2)
    with pytest.raises(ValueError, match=r"train-images.* announces 240001×28×28 .*more than 188,160,000 are not read"):
        mnist(tmp_path)


@pytest.mark.skipif("MINICNN_DATA" not in os.environ, reason="$MINICNN_DATA names no folder with the real files")
def test_the_real_files_have_their_known_sizes():
    for load in (mnist, fashion_mnist):
        data = load()
        assert (len(data.train), len(data.test)) == (60_000, 10_000)
        np.testing.assert_array_equal(np.bincount(data.test.labels) > 800, True)
    images = mnist().train.images
    np.testing.assert_allclose([images.mean(), images.var()], [0.028, 0.123], atol=5e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert len(cifar10().test) == 10_000
