"""`minicnn spectrum`: what it prints and writes are the values of the matrix."""

import json

import numpy as np
import pytest

import minicnn
from minicnn import linalg

ROW = ("--dims", 1, "--kernel", 2, "--input", 3, "--padding", "SAME", "--taps", "1,-1")


def test_spectrum_prints_the_values_of_the_matrix(run, tmp_path):
    result = run("spectrum", *ROW, "--bounds", "--json", tmp_path / "found.json", width=160)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "found.json").read_text())
    w = np.array([1.0, -1.0], np.float32).reshape(2, 1, 1)
    expected = np.linalg.svd(np.asarray(minicnn.conv_map(w, (3,), padding="SAME").matrix()), compute_uv=False)
    np.testing.assert_allclose(found["values"]["all"], expected, rtol=1e-6)
    assert found["bracket"]["lower"] <= 2 * np.cos(np.pi / 7) <= found["bracket"]["upper"]
    assert found["borders"]["circular"]["upper"] == pytest.approx(np.sqrt(3))
    estimates = {each["name"]: each for each in found["estimates"]}
    assert estimates["circulant of the same size (Sedghi et al. 2019)"]["side"] == "neither"
    for line in ("C is 3×3", "rank 3 of 3", "│ circular", "█"):
        assert line in result.output


def test_spectrum_draws_every_border(run, tmp_path):
    result = run("spectrum", *ROW, "--picture", tmp_path / "spectrum.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "spectrum.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--taps", "1,2"), "`taps` has 2 values: a kernel of 3×3×1×1 has another number"),
        (("--taps", "1,x"), "`taps`='1,x' must be finite numbers"),
        (("--padding", "1:2:3"), "`padding`='1:2:3'"),
        (("--picture", "spectrum.txt"), "spectrum.txt"),
        (("--groups", 0), "`groups`=0"),
        (("--taps", "1,2", "--seed", 0), "--seed would do nothing beside --taps, where nothing is drawn"),
    ],
)
def test_spectrum_says_what_it_cannot_read(run, options, said):
    result = run("spectrum", *options, width=300)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--input", 8000),
            "`input`=8000, `kernel`=3: the input is 8000×8000×1, 64,000,000 numbers, and at most 16,777",
        ),
        (("--input", 99999999), "the input is 99999999×99999999×1, 9,999,999,800,000,001 numbers"),
        (("--input", 2000, "--stride", 2, "--channels", 64), "`channels`=64: the input is 2000×2000×64"),
        (("--channels", 1000000), "`channels`=1000000: the kernel is 3×3×1000000×1000000"),
        (("--padding", 10**9), "`padding`=1000000000: the output is 2000000006×2000000006×1"),
        (("--dilation", 99999, "--padding", 99999), "the output with border full is 200006×200006×1"),
        (("--input", 400, "--kernel", 300), "border zeros takes 14,400,000,000 multiplications, and at most 8,"),
        (("--dims", 1, "--input", 200000, "--kernel", 99999), "the table of an axis is too large, 372.5 GiB"),
        (("--dims", 1, "--input", 2000000, "--kernel", 2000000), "the table of an axis is too large, 29.1 TiB"),
    ],
)
def test_what_is_too_large_is_refused_before_anything_of_it_is_made(run, monkeypatch, options, said):
    monkeypatch.setattr(linalg, "explain", lambda C: pytest.fail("the map was looked at"))
    monkeypatch.setattr(np.random, "default_rng", lambda seed: RandomZeros())
    result = run("spectrum", *options, width=400)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.splitlines()) == 1


class RandomZeros:
    """A kernel that is never written to takes no memory."""

    def standard_normal(self, shape):
        assert np.prod(shape, dtype=float) <= 2**24
        return np.zeros(shape)


@pytest.mark.parametrize(
    "options",
    [
        ("--input", 224, "--channels", "3x64"),
        ("--input", 224, "--channels", 64, "--padding", "SAME", "--padding-mode", "circular"),
        ("--input", 112, "--channels", 64, "--kernel", 7, "--stride", 2, "--padding", 3),
        ("--input", 1024),
        ("--dims", 1, "--input", 1000000),
        ("--dims", 1, "--input", 4000, "--kernel", 4000),
    ],
)
def test_what_is_ordinary_is_not_too_large(run, monkeypatch, options):
    def explain(C):
        raise ValueError("the map is looked at")

    monkeypatch.setattr(linalg, "explain", explain)
    assert "error: the map is looked at" in run("spectrum", *options).output


def test_a_stride_as_large_as_the_input_makes_no_square_of_it(run):
    result = run("spectrum", "--input", 700, "--stride", 700, width=160)
    assert result.exit_code == 0, result.output
    assert "C is 1×490,000" in result.output  # whose square would be 900 GiB
