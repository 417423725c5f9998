"""A picture of any size, polarity and colour becomes an image like those of the data set, and it is said how."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from minicnn.data import Dataset, Split, digits
from minicnn.data.ink import stroke_width
from minicnn.data.pictures import Style, read_picture

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
def style(data):
    return Style.of(data)


@pytest.fixture(scope="module")
def digit(data):
    """A test image as 8-bit pixels, bright ink on black."""
    low, high = data.pixels
    return np.uint8((data.test.images[3, ..., 0] - low) / (high - low) * 255)


def read(picture, style, tmp_path, **options):
    picture.save(tmp_path / "x.png", **options)
    return read_picture(tmp_path / "x.png", style)


def inverted(picture):
    return Image.eval(picture, lambda value: 255 - value)


def page(picture):
    """Dark ink off the middle of a larger sheet that is not quite white."""
    sheet = Image.new("L", (400, 300), 230)
    sheet.paste(Image.eval(picture.resize((150, 150)), lambda value: int(230 - 0.7 * value)), (210, 30))
    return sheet


def coloured(picture):
    return Image.merge("RGB", [page(picture), *[Image.eval(page(picture), lambda value: max(value - 40, 0))] * 2])


def drawn_in(colour, opacity=255):
    """The ink is where the picture is opaque."""

    def draw(picture):
        see_through = Image.new("RGBA", (320, 320), (*colour, 0))
        see_through.putalpha(Image.eval(picture.resize((320, 320)), lambda value: value * opacity // 255))
        return see_through

    return draw


def cut_out(picture):
    """A page of which nothing but the page is opaque."""
    sheet = page(picture).convert("RGBA")
    sheet.putalpha(Image.new("L", (360, 270), 255).crop((-20, -15, 380, 285)))
    return sheet


def isoluminant(picture):
    """Red on green, of the same brightness, whether the channels are averaged or weighted as an eye does."""
    ink = np.asarray(picture.resize((200, 200)), np.float64)[..., None] / 255
    return Image.fromarray(np.uint8(ink * [200, 63, 42] + (1 - ink) * [58, 118.5, 128.5]))


def lined(picture):
    sheet = page(picture)
    ImageDraw.Draw(sheet).rectangle((5, 5, 394, 294), outline=20, width=3)
    return sheet


def scanned(picture):
    sheet = Image.new("L", (460, 350), 8)
    sheet.paste(page(picture), (35, 20))
    return sheet


def shaded(picture):
    light = np.where(np.arange(400) > 300, 0.5, np.linspace(1, 0.8, 400))
    return Image.fromarray(np.uint8(np.asarray(page(picture)) * light))


def in_depth(dtype, top):
    return lambda picture: Image.fromarray((np.asarray(picture.resize((64, 64))) / 255 * top).astype(dtype))


INK = "its ink found by its transparency"


PICTURES = {
    "large": (lambda picture: picture.resize((320, 320)), ["its ink"]),
    "small": (lambda picture: picture.resize((20, 20)), ["its ink"]),
    "inverted": (lambda picture: inverted(picture.resize((500, 500))), ["inverted", "its ink"]),
    "page": (page, ["inverted", "stretched", "its ink"]),
    "coloured": (coloured, ["made grey", "inverted", "stretched", "its ink"]),
    "black on nothing": (drawn_in((0, 0, 0)), [INK, "its ink"]),
    "white on nothing": (drawn_in((255, 255, 255)), [INK, "its ink"]),
    "faint on nothing": (drawn_in((128, 99, 30), 100), [INK, "stretched", "its ink"]),
    "page on nothing": (cut_out, ["laid on paper", "inverted", "stretched", "its ink"]),
    "red on green": (isoluminant, ["made grey", "its ink"]),
    "boxed": (lined, ["inverted", "freed of a frame", "stretched", "its ink"]),
    "scanned": (scanned, ["cut to its page", "inverted", "stretched", "its ink"]),
    "shaded": (shaded, ["freed of uneven light", "inverted", "its ink"]),
    "16 bits": (in_depth(np.uint16, 65535), ["its ink"]),
    "12 of 16 bits": (in_depth(np.uint16, 4095), ["stretched", "its ink"]),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("change", "said"), PICTURES.values(), ids=PICTURES)
def test_a_digit_is_the_same_whatever_the_picture(change, said, data, style, digit, tmp_path):
    (reading,) = read(change(Image.fromarray(digit)), style, tmp_path)
    assert reading.image.shape == data.in_shape
    for word in said:
        assert any(phrase.startswith(word) for phrase in reading.done), reading.done
    expected = data.test.images[3]
    closeness = np.corrcoef(reading.image.ravel(), expected.ravel())[0, 1]
    assert closeness > 0.8
    assert closeness > np.corrcoef(1 - reading.image.ravel(), expected.ravel())[0, 1]


def test_thin_strokes_become_as_wide_as_those_learnt(style, tmp_path):
    sheet = Image.new("L", (1200, 1000), 255)
    ImageDraw.Draw(sheet).ellipse((300, 200, 700, 800), outline=90, width=2)
    (reading,) = read(sheet, style, tmp_path)
    low, high = style.pixels
    ink = (reading.image[..., 0] - low) / (high - low)
    np.testing.assert_allclose(ink.max(), 1, atol=1e-5)
    np.testing.assert_allclose(stroke_width(np.kron(ink, np.ones((4, 4))) > 0.5) / 4, style.stroke, rtol=0.2)
    assert any(phrase.startswith("strokes thickened from 0.") for phrase in reading.done)


def test_wide_strokes_stay(style, digit, tmp_path):
    (reading,) = read(Image.fromarray(digit).resize((320, 320)), style, tmp_path)
    assert not any("thickened" in phrase for phrase in reading.done)


def test_each_figure_of_a_picture_is_read(data, style, tmp_path):
    low, high = data.pixels
    ink = np.uint8((data.test.images[:3, ..., 0] - low) / (high - low) * 255)
    row = np.concatenate([np.pad(image, ((0, 0), (4, 4))) for image in ink], axis=1)
    readings = read(inverted(Image.fromarray(row).resize((600, 160))), style, tmp_path)
    assert len(readings) == 3
    for reading, expected in zip(readings, data.test.images, strict=False):
        assert np.corrcoef(reading.image.ravel(), expected.ravel())[0, 1] > 0.7


def test_nothing_of_a_neighbour_is_seen(style, tmp_path):
    sheet = Image.new("L", (400, 300), 255)
    for left in (60, 160):
        ImageDraw.Draw(sheet).line((left, 250, left + 150, 50), fill=0, width=25)
    first, second = (reading.image[..., 0] > style.pixels[0] + 0.3 for reading in read(sheet, style, tmp_path))
    assert ndimage.label(first)[1] == ndimage.label(second)[1] == 1


def test_contrast_is_stretched_after_scaling(tmp_path):
    """A line that falls between two pixels is as dark as one that does not."""
    images = np.full((3, 32, 32, 1), -0.1, np.float32)
    images[:, 6:26, 10] = images[:, 25, 10:20] = 1.175
    split = Split(images, np.zeros(3, np.int32))
    sheet = Image.new("L", (400, 300), 255)
    ImageDraw.Draw(sheet).rectangle((100, 50, 109, 244), fill=0)
    ImageDraw.Draw(sheet).rectangle((95, 240, 199, 249), fill=0)
    (reading,) = read(sheet, Style.of(Dataset("lines", ("a",), split, split)), tmp_path)
    np.testing.assert_allclose(reading.image.max(), 1.175, atol=1e-5)


def test_figures_that_touch_are_suspected(style, tmp_path):
    sheet = Image.new("L", (400, 200), 255)
    for left in (40, 150, 260):
        ImageDraw.Draw(sheet).ellipse((left, 50, left + 115, 150), outline=0, width=14)
    (reading,) = read(sheet, style, tmp_path)
    (doubt,) = (step for step in reading.done if step.startswith("wider than what was learnt: perhaps more than one"))
    assert "those that touch are not separated" in doubt


def test_an_image_of_the_right_size_is_taken_as_it_is(data, style, digit, tmp_path):
    (reading,) = read(Image.fromarray(digit), style, tmp_path)
    np.testing.assert_allclose(reading.image, data.test.images[3], atol=1.275 / 255)
    assert reading.done == ()


def test_a_picture_a_little_smaller_is_centred(data, style, digit, tmp_path):
    (reading,) = read(Image.fromarray(np.pad(digit[6:-6, 6:-6], 4)), style, tmp_path)
    assert reading.image.shape == data.in_shape
    assert reading.done == ("centred in 32×32",)


def test_things_are_not_drawings(tmp_path):
    """A data set of surfaces: one with a bright part is not thickened, cut into figures or freed of its rim."""
    images = np.full((4, 32, 32, 1), -0.1, np.float32)
    images[:, 4:28, 4:28] = 1.0
    split = Split(images, np.zeros(4, np.int32))
    style = Style.of(Dataset("things", ("a",), split, split))
    assert not style.is_drawn
    sheet = Image.new("L", (200, 200), 255)
    for box in ((40, 40, 90, 160), (110, 40, 160, 160)):
        ImageDraw.Draw(sheet).rectangle(box, fill=100, outline=0)
    (reading,) = read(sheet, style, tmp_path)
    assert reading.done[:1] == ("inverted, for its paper is bright",)
    assert reading.image[16, 16, 0] < 0 < reading.image[16, 8, 0] < 1


def test_a_photograph_is_cut_and_scaled_in_colour(tmp_path):
    half = np.zeros((60, 100, 3), np.uint8)
    half[:, 50:] = 255, 0, 0
    (reading,) = read(Image.fromarray(half), Style.of(COLOUR), tmp_path)
    assert reading.image.shape == (32, 32, 3)
    np.testing.assert_allclose(reading.image[0, 0], [-1, -1, -1], atol=0.05)
    np.testing.assert_allclose(reading.image[0, -1], [1, -1, -1], atol=0.05)
    assert reading.done == ("cut to its middle 60×60", "scaled to 32×32")


def test_grey_and_transparent_pictures_have_colours_too(tmp_path):
    (reading,) = read(Image.new("L", (32, 32), 255), Style.of(COLOUR), tmp_path)
    np.testing.assert_array_equal(reading.image, np.ones((32, 32, 3)))
    (reading,) = read(Image.new("RGBA", (64, 64), (9, 9, 9, 0)), Style.of(COLOUR), tmp_path)
    np.testing.assert_array_equal(reading.image, np.ones((32, 32, 3)))
    assert reading.done == ("laid on paper", "scaled to 32×32")


BLANK = {
    "grey": Image.new("L", (50, 50), 200),
    "one pixel": Image.new("L", (1, 1)),
    "transparent": Image.new("RGBA", (50, 50), (9, 9, 9, 0)),
    "black": Image.new("1", (9, 9)),
}


@pytest.mark.parametrize("picture", BLANK.values(), ids=BLANK)
def test_a_blank_picture_is_said_in_one_line(picture, style, tmp_path):
    with pytest.raises(ValueError, match=r"^\S*x\.png is blank: there is nothing to read$"):
        read(picture, style, tmp_path)
