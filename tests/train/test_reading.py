"""A picture of any size, polarity and colour becomes an image like those of the data set, and it is said how."""

import numpy as np
import pytest
from PIL import Image

from minicnn.data import Dataset, Split, digits
from minicnn.train.reading import read_picture

COLOUR = Dataset(
    "colour",
    ("a", "b"),
    Split(np.zeros((2, 32, 32, 3), np.float32), np.zeros(2, np.int32)),
    Split(np.zeros((1, 32, 32, 3), np.float32), np.zeros(1, np.int32)),
    pixels=(-1.0, 1.0),
)


@pytest.fixture(scope="module")
def data():
    return digits()


@pytest.fixture(scope="module")
def digit(data):
    """A test image as 8-bit pixels, bright ink on black."""
    low, high = data.pixels
    return np.uint8((data.test.images[3, ..., 0] - low) / (high - low) * 255)


def read(picture, data, tmp_path):
    picture.save(tmp_path / "x.png")
    return read_picture(tmp_path / "x.png", data)


def inverted(picture):
    return Image.eval(picture, lambda value: 255 - value)


def page(picture):
    """Dark ink off the middle of a larger sheet that is not quite white."""
    sheet = Image.new("L", (400, 300), 230)
    sheet.paste(Image.eval(picture.resize((150, 150)), lambda value: int(230 - 0.7 * value)), (210, 30))
    return sheet


def coloured(picture):
    return Image.merge("RGB", [page(picture), *[Image.eval(page(picture), lambda value: max(value - 40, 0))] * 2])


def transparent(picture):
    drawn = Image.new("RGBA", (320, 320), (0, 0, 0, 0))
    drawn.putalpha(picture.resize((320, 320)))
    return drawn


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda picture: picture.resize((320, 320)), ["its ink"]),
        (lambda picture: picture.resize((20, 20)), ["its ink"]),
        (lambda picture: inverted(picture.resize((500, 500))), ["inverted", "its ink"]),
        (page, ["inverted", "stretched", "its ink"]),
        (coloured, ["made grey", "inverted", "stretched", "its ink"]),
        (transparent, ["laid on white paper", "inverted", "its ink"]),
        (lambda picture: Image.fromarray(np.asarray(picture.resize((64, 64)), np.uint16) * 257), ["its ink"]),
    ],
    ids=["large", "small", "inverted", "page", "coloured", "transparent", "16 bits"],
)
def test_a_digit_is_the_same_whatever_the_picture(change, said, data, digit, tmp_path):
    reading = read(change(Image.fromarray(digit)), data, tmp_path)
    assert reading.image.shape == data.in_shape
    assert [any(phrase.startswith(word) for phrase in reading.done) for word in said] == [True] * len(said)
    expected = data.test.images[3]
    closeness = np.corrcoef(reading.image.ravel(), expected.ravel())[0, 1]
    assert closeness > 0.8
    assert closeness > np.corrcoef(1 - reading.image.ravel(), expected.ravel())[0, 1]


def test_an_image_of_the_right_size_is_taken_as_it_is(data, digit, tmp_path):
    reading = read(Image.fromarray(digit), data, tmp_path)
    np.testing.assert_allclose(reading.image, data.test.images[3], atol=1.275 / 255)
    assert reading.done == ()


def test_a_picture_a_little_smaller_is_centred(data, digit, tmp_path):
    reading = read(Image.fromarray(np.pad(digit[6:-6, 6:-6], 4)), data, tmp_path)
    assert reading.image.shape == data.in_shape
    assert reading.done == ("centred in 32×32",)


def test_a_photograph_is_cut_and_scaled_in_colour(tmp_path):
    half = np.zeros((60, 100, 3), np.uint8)
    half[:, 50:] = 255, 0, 0
    reading = read(Image.fromarray(half), COLOUR, tmp_path)
    assert reading.image.shape == (32, 32, 3)
    np.testing.assert_allclose(reading.image[0, 0], [-1, -1, -1], atol=0.05)
    np.testing.assert_allclose(reading.image[0, -1], [1, -1, -1], atol=0.05)
    assert reading.done == ("cut to its middle 60×60", "scaled to 32×32")


def test_what_is_no_picture_is_said_in_one_line(data, digit, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"text.png is no picture"):
        read_picture(tmp_path / "text.png", data)
    with pytest.raises(ValueError, match=r"x.png is blank"):
        read(Image.new("L", (50, 50), 200), data, tmp_path)
    Image.fromarray(digit).resize((320, 320)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"cut.png is damaged"):
        read_picture(tmp_path / "cut.png", data)
    with pytest.raises(FileNotFoundError, match=r"nowhere.png"):
        read_picture(tmp_path / "nowhere.png", data)
