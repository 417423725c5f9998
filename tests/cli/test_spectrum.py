"""`minicnn spectrum`: what it prints and writes are the values of the matrix."""

import json

import numpy as np
import pytest

import minicnn

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
    ],
)
def test_spectrum_says_what_it_cannot_read(run, options, said):
    result = run("spectrum", *options, width=300)
    assert result.exit_code == 2
    assert said in result.output
