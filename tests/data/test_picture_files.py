"""What is opened as a picture: raster formats from a list, of a size that is checked first, the right way up."""

import io
import os
import random
import re
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from minicnn.data import picture_files
from minicnn.data.picture_files import FORMATS, MAX_PIXELS, WORKING_SIDE, open_picture

GREYS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
GREY = Image.fromarray(GREYS)
RGB = Image.merge("RGB", [GREY, GREY.transpose(Image.Transpose.FLIP_LEFT_RIGHT), GREY])
TURNED = Image.Exif()
TURNED[0x0112] = 6


def encoded(picture, form, **options):
    content = io.BytesIO()
    picture.save(content, form, **options)
    return content.getvalue()


def greys(path):
    return open_picture(path).colours[..., 0]


def scaled(top):
    return GREYS.astype(np.float64) / 255 * top


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_of_the_list_is_read_whatever_the_file_is_called(form, tmp_path):
    (tmp_path / "picture.txt").write_bytes(encoded(RGB, form, **({"lossless": True} if form == "WEBP" else {})))
    picture = open_picture(tmp_path / "picture.txt")
    assert picture.colours.shape == (3, 4, 3)
    assert picture.opacity is None
    np.testing.assert_allclose(picture.colours, np.asarray(RGB) / 255, atol=0.15 if form in ("JPEG", "GIF") else 1e-6)


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray(np.uint16(scaled(65535))),
        Image.fromarray(np.uint16(scaled(255))),
        Image.fromarray(np.int32(scaled(255))),
        Image.fromarray(np.float32(scaled(1))),
        Image.fromarray(np.float32(scaled(255))),
        Image.fromarray(np.float32(scaled(65535))),
    ],
    ids=["16 bits", "8 bits in 16", "8 bits in 32", "0 to 1", "0 to 255", "0 to 65535"],
)
def test_numbers_of_every_depth_become_0_to_1(picture, tmp_path):
    picture.save(tmp_path / "x.tiff")
    np.testing.assert_allclose(greys(tmp_path / "x.tiff"), GREYS / 255, atol=1e-4 if picture.mode != "I" else 1 / 255)


def test_real_numbers_may_overshoot_their_scale(tmp_path):
    for high in (1.02, 255 * 1.02):
        Image.fromarray(np.array([[0, high / 2, high]], np.float32)).save(tmp_path / "x.tiff")
        np.testing.assert_allclose(greys(tmp_path / "x.tiff"), [[0, 0.5, 1]], rtol=1e-6)


def test_numbers_below_0_are_scaled_by_their_range(tmp_path):
    Image.fromarray(np.array([[-2, 0, 2]], np.float32)).save(tmp_path / "x.tiff")
    np.testing.assert_allclose(greys(tmp_path / "x.tiff"), [[0, 0.5, 1]])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_picture_is_turned_as_its_exif_says(form, tmp_path):
    half = Image.new("L", (32, 48), 0)
    half.paste(255, (0, 0, 16, 48))
    half.save(tmp_path / "x", form, exif=TURNED)
    picture = open_picture(tmp_path / "x")
    assert picture.size == (32, 48)
    assert (picture.colours[2, :, 0] > 0.9).all()
    assert (picture.colours[-3, :, 0] < 0.1).all()
    assert "turned as its EXIF says" in picture.done


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_transparency_is_kept(mode, tmp_path):
    if mode == "P":
        see_through = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
        see_through.putpalette([9, 9, 9, 200, 200, 200])
        see_through.save(tmp_path / "x.png", transparency=0)
    else:
        Image.fromarray(np.array([[[9, 0], [200, 255]]], np.uint8), "LA").convert(mode).save(tmp_path / "x.png")
    picture = open_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(picture.opacity, [[0, 1]])
    np.testing.assert_allclose(picture.colours[0, 1], 200 / 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I;16", "F"])
def test_pictures_of_every_mode_are_brought_to_the_working_size(mode, tmp_path):
    size = (2 * WORKING_SIDE + 2, 8)
    whole = {"I;16": np.uint16, "F": np.float32}.get(mode)
    picture = (
        Image.new("RGB", size, "white").convert(mode) if whole is None else Image.fromarray(np.ones(size[::-1], whole))
    )
    # Pillow 11 cannot read the YCbCr that it writes uncompressed.
    picture.save(tmp_path / "x.tiff", compression={"F": None, "YCbCr": "jpeg"}.get(mode, "tiff_lzw"))
    read = open_picture(tmp_path / "x.tiff")
    assert read.colours.shape[:2] == (3, -(-size[0] // 3))
    assert read.size == (8, size[0])
    np.testing.assert_allclose(read.colours, 1, atol=0.01)


def test_the_first_of_several_pictures_is_read_and_said(tmp_path):
    GREY.save(tmp_path / "x.gif", save_all=True, append_images=[GREY.transpose(Image.Transpose.ROTATE_180)])
    picture = open_picture(tmp_path / "x.gif")
    assert "the first picture of several" in picture.done
    assert picture.colours[0, 0, 0] < picture.colours[-1, -1, 0]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
def test_a_damaged_exif_loses_no_picture(form, tmp_path):
    damaged = TURNED.tobytes().replace(b"II*\0", b"XX*\0").replace(b"MM\0*", b"XX\0*")
    GREY.resize((40, 30)).save(tmp_path / "x", form, exif=damaged)
    picture = open_picture(tmp_path / "x")
    assert picture.size == (30, 40)
    assert not any(phrase.startswith("turned") for phrase in picture.done)
    if form != "JPEG":  # whose resolution Pillow looks for in the EXIF, and finds it damaged
        assert any(phrase.startswith("read in spite of: its EXIF is damaged: ") for phrase in picture.done)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_an_orientation_that_there_is_not_turns_nothing(form, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 99
    GREY.save(tmp_path / "x", form, exif=exif)
    picture = open_picture(tmp_path / "x")
    assert picture.size == (3, 4)
    assert picture.done == ("read in spite of: its EXIF has the orientation 99, which there is not",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_every_orientation_is_that_of_pillow(form, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    GREY.save(tmp_path / "x", form, exif=exif)
    stored = GREY.copy()
    stored.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(stored))
    np.testing.assert_allclose(greys(tmp_path / "x"), expected / 255, atol=1e-6)
    assert ("turned as its EXIF says" in open_picture(tmp_path / "x").done) == (orientation > 1)


def tiff(pixels):
    """A TIFF of numbers of any type, in one strip that is not compressed."""
    pixels = np.atleast_3d(pixels)
    height, width, channels = pixels.shape
    bits, kind = 8 * pixels.itemsize, {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    tags = {256: [width], 257: [height], 258: [bits] * channels, 259: [1], 262: [2 if channels > 2 else 1]}
    tags |= {273: [0], 277: [channels], 278: [height], 279: [pixels.nbytes]} | ({338: [2]} if channels == 2 else {})
    tags |= {339: [kind] * channels}
    # What does not fit into the four bytes of an entry follows the entries, and the pixels follow that.
    behind = 8 + 2 + 12 * len(tags) + 4
    long = b"".join(struct.pack(f"<{len(v)}H", *v) for v in tags.values() if len(v) > 2)
    tags[273] = [behind + len(long)]
    entries, place = b"", behind
    for tag, values in tags.items():
        content = struct.pack(f"<{len(values)}{'I' if len(values) == 1 else 'H'}", *values)
        entries += struct.pack("<2HI", tag, 4 if len(values) == 1 else 3, len(values))
        entries += struct.pack("<I", place) if len(values) > 2 else content.ljust(4, b"\0")
        place += len(content) if len(values) > 2 else 0
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + long + pixels.tobytes()


@pytest.mark.parametrize(
    ("dtype", "channels", "what"),
    [
        ("<f8", 1, "1 × float64"),
        ("<f2", 1, "1 × float16"),
        ("<f4", 3, "3 × float32"),
        ("<u2", 2, "2 × uint16"),
        ("<u8", 1, "1 × uint64"),
    ],
)
def test_a_tiff_of_numbers_that_are_not_read_is_told_what_it_is(dtype, channels, what, tmp_path):
    (tmp_path / "x.tiff").write_bytes(tiff(np.dstack([GREYS] * channels).astype(dtype)))
    with pytest.raises(ValueError, match=rf"x\.tiff is a TIFF of {what} for each pixel, which is not read: save it as"):
        open_picture(tmp_path / "x.tiff")


@pytest.mark.parametrize(
    ("dtype", "top"), [("<u1", 255), ("<u2", 65535), ("<u4", 255), ("<u4", 2**32 - 1), ("<i1", 127), ("<f4", 1)]
)
def test_a_tiff_of_large_or_negative_numbers_does_not_wrap(dtype, top, tmp_path):
    low = -128 if dtype == "<i1" else 0
    values = np.linspace(low, top, 12).reshape(3, 4).astype(dtype)
    (tmp_path / "x.tiff").write_bytes(tiff(values))
    exact = (values.astype(np.float64) - low) / (top - low)
    np.testing.assert_allclose(greys(tmp_path / "x.tiff"), exact, atol=1e-6)


@pytest.mark.parametrize("magic", [b"P5", b"P2", b"P6"])
def test_a_comment_without_end_is_refused_at_once(magic, tmp_path):
    (tmp_path / "x.pgm").write_bytes(magic + b"\n#" + bytes(2**21) + b"\n1 1\n255\n000")
    with pytest.raises(
        ValueError, match=r"x\.pgm is made of too many small parts, such as comments or their letters: it is"
    ):
        open_picture(tmp_path / "x.pgm")
    (tmp_path / "x.pgm").write_bytes(b"P5\n#" + b" " * 2**16 + b"\n1 1\n255\n\x33")
    np.testing.assert_allclose(greys(tmp_path / "x.pgm"), 0.2)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize(
    "content",
    [
        POSTSCRIPT,
        b"%PDF-1.4\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        encoded(GREY, "TGA"),
        encoded(GREY, "PDF"),
    ],
    ids=["PostScript", "PDF", "SVG", "TGA", "a picture in PDF"],
)
def test_what_is_not_in_the_list_is_refused_and_runs_nothing(content, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "gs").write_text(f"#!{sys.executable}\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "gs").chmod(0o755)
    assert subprocess.run(["gs"], env={"PATH": str(tmp_path)}, check=False).returncode == 0
    (tmp_path / "ran").unlink()
    (tmp_path / "seven.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"seven\.png is not a picture in a format that is read \(PNG, JPEG, "):
        open_picture(tmp_path / "seven.png")
    assert not (tmp_path / "ran").exists()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(height, width, mode=6):
    """A PNG of which nothing but its header is there."""
    header = struct.pack(">2I5B", width, height, 8, mode, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


def test_chunks_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "_MOST_READS", 1000)
    whole = encoded(GREY, "PNG")
    (tmp_path / "x.png").write_bytes(whole[:-12] + 1000 * chunk(b"abCd", b"") + whole[-12:])
    with pytest.raises(ValueError, match=r"x\.png is made of too many small parts"):
        open_picture(tmp_path / "x.png")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [int(MAX_PIXELS**0.5) + 1, 10_000, 13_300, 60_000, 2**31 - 1])
def test_sizes_are_checked_in_the_header(side, tmp_path):
    (tmp_path / "x.png").write_bytes(png(side, side))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"x\.png .*more than 67,108,864 pixels are not read"):
        open_picture(tmp_path / "x.png")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_large_file_is_not_opened(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    os.truncate(tmp_path / "x.png", 2**28 + 1)
    with pytest.raises(ValueError, match=r"x\.png has 268,435,457 bytes: more than 268,435,456 are not read"):
        open_picture(tmp_path / "x.png")


def test_what_is_no_file_is_said_and_waits_for_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is a device, not a picture file"):
        open_picture(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a folder, not a picture file"):
        open_picture(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^\S*nowhere\.png cannot be read: No such file or directory$"):
        open_picture(tmp_path / "nowhere.png")


def test_a_name_that_no_file_has_is_said():
    with pytest.raises(ValueError, match=re.escape(r"the path 'a\x00.png' has a NUL in it: no file's name has one")):
        open_picture("a\0.png")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    GREY.save(tmp_path / "x.png")
    np.testing.assert_allclose(greys("~/x.png"), GREYS / 255, atol=1e-6)


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinite values")])
def test_numbers_that_are_not_finite_are_refused(value, name, tmp_path):
    Image.fromarray(np.array([[0, value]], np.float32)).save(tmp_path / "x.tiff")
    with pytest.raises(ValueError, match=rf"x\.tiff contains {name}$"):
        open_picture(tmp_path / "x.tiff")


def test_damage_that_is_only_warned_of_is_told(tmp_path):
    content = bytearray(encoded(RGB, "JPEG", exif=TURNED))
    position = content.index(b"Exif\0\0") + 14
    content[position : position + 2] = b"\xff\xff"  # so many entries
    (tmp_path / "x.jpg").write_bytes(content)
    assert any(phrase.startswith("read in spite of: ") for phrase in open_picture(tmp_path / "x.jpg").done)


SEEDS = [
    encoded(RGB, "PNG", exif=TURNED),
    encoded(GREY.convert("P"), "PNG", transparency=3),
    encoded(RGB, "JPEG", exif=TURNED),
    encoded(GREY, "GIF"),
    encoded(RGB, "BMP"),
    encoded(RGB, "TIFF", compression="tiff_lzw"),
    encoded(RGB, "TIFF", compression="jpeg"),
    encoded(Image.fromarray(np.float32(GREYS)), "TIFF"),
    encoded(RGB, "WEBP"),
    encoded(RGB, "PPM"),
    b"P2 4 1 255 0 1 2 3",
]


def mutant(content, draw):
    """A file with a few bytes changed, or cut, or with a part taken out, or put in twice."""
    damaged = bytearray(content)
    start, length = draw.randrange(min(len(damaged), 120)), draw.randrange(1, 30)
    match draw.randrange(4):
        case 0:
            for _ in range(length // 5 + 1):
                damaged[draw.randrange(min(len(damaged), 120))] = draw.choice(
                    [0, 1, 127, 128, 255, draw.randrange(256)]
                )
        case 1:
            del damaged[draw.randrange(len(damaged)) :]
        case 2:
            del damaged[start : start + length]
        case 3:
            damaged[start:start] = damaged[start : start + length]
    return bytes(damaged)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_damaged_pictures_are_read_or_refused_in_one_line(number, tmp_path, capfd):
    draw, path = random.Random(number), tmp_path / "damaged"
    for _ in range(60):
        path.write_bytes(mutant(SEEDS[number], draw))
        try:
            assert np.isfinite(open_picture(path).colours).all()
        except ValueError as error:
            assert str(error).startswith(f"{path} ")
            assert "\n" not in str(error)
            assert str(error).isprintable()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("magic", ["P1", "P2", "P3"])
def test_more_comments_than_are_taken_out_in_a_moment_are_refused_before_a_decoder_meets_them(
    magic, tmp_path, monkeypatch
):
    head = f"{magic}\n2 1\n" + "255\n" * (magic != "P1")
    (tmp_path / "x.ppm").write_text(head + f"#{'#' * 78} 1\n" * 100 + "1 " * 6)
    assert open_picture(tmp_path / "x.ppm").size == (1, 2)
    (tmp_path / "x.ppm").write_text(head + "#\n" * 400_000 + "1 " * 6)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a decoder was asked"))
    with pytest.raises(ValueError, match=r"x\.ppm is made of too many small parts, such as comments"):
        open_picture(tmp_path / "x.ppm")


def test_what_a_png_can_be_shown_without_is_left_out_if_its_checksum_is_wrong(tmp_path):
    path = tmp_path / "x.png"
    Image.new("L", (3, 2), 51).save(path, exif=TURNED)
    assert open_picture(path).size == (3, 2)
    content = bytearray(path.read_bytes())
    begin = content.index(b"eXIf")
    content[begin + 4 + int.from_bytes(content[begin - 4 : begin], "big")] ^= 1
    path.write_bytes(content)
    picture = open_picture(path)
    assert picture.size == (2, 3)
    assert picture.done == ("read in spite of: its eXIf has a wrong checksum, and is left out",)
    content[content.index(b"IHDR") + 4] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a picture"):
        open_picture(path)
