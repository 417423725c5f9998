"""`minicnn show`: what it prints, what it writes, and what it refuses."""

import matplotlib as mpl
import pytest

from minicnn.maps import LinearMap


def test_show_explains_a_convolution(run):
    result = run("show", "--input", 5, "--kernel", 3, "--stride", 2, "--padding", 1, width=140)
    assert result.exit_code == 0, result.output
    for line in (
        "o = ⌊(i + 2p − k)/s⌋ + 1 = ⌊(5 + 2·1 − 3)/2⌋ + 1 = 3",
        "C is 9×25, from 5×5 to 3×3",
        "49 of 225, 21.8 %",
        "9 values, of 9 taps",
        "9 of at most 9",
        "every input pixel is read",
        " w₁₁  w₁₂   ·    ·    ·   w₂₁  w₂₂ ",
    ):
        assert line in result.output


def test_show_explains_padding_that_copies(run, tmp_path):
    files = [tmp_path / "still.svg", tmp_path / "example.html"]
    args = ["--dims", 1, "--input", 4, "--padding", 1, "--padding-mode", "reflect"]
    result = run("show", *args, "--picture", files[0], "--animation", files[1])
    assert result.exit_code == 0, result.output
    for line in (
        "padding 1, padding mode reflect",
        "C·Pad is 4×4, from 4 to 4",
        "10 of 16, 62.5 %",
        "4 values, of 3 taps and 1 sum of taps",
        "4 of at most 4",
        "  w₁    w₀+w₂    ·      ·   ",
    ):
        assert line in result.output
    assert all(file.stat().st_size > 0 for file in files)


def test_the_legend_breaks_between_its_marks(run):
    args = ["--input", 4, "--padding", 1, "--padding-mode", "replicate"]
    legend = [line for line in run("show", *args, width=60).output.splitlines() if "+w" in line]
    assert len(legend) == 4
    assert all(len(part.split(" ")) == 2 for line in legend for part in line.split("  "))


def test_show_of_a_wide_matrix_marks_the_taps(run):
    result = run("show", "--input", "1x10", "--kernel", "1x3", "--stride", 2, width=48)
    assert "0 w₀₀  1 w₀₁  2 w₀₂" in result.output
    assert "0 1 2 · · · · · · ·" in result.output
    assert "· · 0 1 2 · · · · ·" in result.output
    assert "1 input pixel no output reads: (0, 9)" in result.output
    assert "too large for this terminal" in run("show", "--input", 9, width=40).output


def test_show_writes_files(run, tmp_path):
    still, animation = tmp_path / "still.png", tmp_path / "example.gif"
    args = [
        "--transpose",
        "--input",
        2,
        "--kernel",
        2,
        "--dims",
        1,
        "--stride",
        2,
        "--output-padding",
        1,
        "--taps",
        "1,-1",
    ]
    result = run("show", *args, "--picture", still, "--animation", animation, "--dark")
    assert result.exit_code == 0, result.output
    assert "o′ = s(i′ − 1) + a + k = 2·(2 − 1) + 1 + 2 = 5" in result.output
    assert still.stat().st_size > 0
    assert animation.stat().st_size > 0


def test_show_of_a_large_convolution_makes_no_matrix(run, monkeypatch):
    monkeypatch.setattr(LinearMap, "matrix", lambda self: pytest.fail("a matrix was made"))
    for args, said in (
        (
            ["--input", 224, "--kernel", 3],
            "C is too large for this terminal (49284×50176, 9.2 GiB): use a smaller input",
        ),
        (["--input", 3000], "not counted, there are more than 10,000,000 non-zeros"),
        (["--dims", 1, "--input", 999999, "--kernel", 99999], "89,999,199,999 of 900,000,099,999"),
        (["--input", "90x80", "--stride", 2, "--transpose"], "Cᵀ is 29141×7200, from 90×80 to 181×161"),
        (["--input", 99, "--padding", 1, "--padding-mode", "circular"], "88,209 of 96,059,601, 0.1 %"),
    ):
        result = run("show", *args, width=140)
        assert result.exit_code == 0, result.output
        assert said in result.output


def test_what_is_too_large_to_draw_is_said_before_anything_is_printed(run, tmp_path, monkeypatch):
    monkeypatch.setattr(LinearMap, "matrix", lambda self: pytest.fail("a matrix was made"))
    for args, said in (
        (["--input", 224, "--picture", "a.png"], "C is 49284×50176, 2,472,873,984 entries; a picture of it with its"),
        (["--input", 40, "--animation", "a.html"], "a.html would step through 1,444 outputs: at most 400"),
        (["--input", 5, "--stretch", 1000, "--stride", 900, "--picture", "a.svg"], "padding has 16,008,001 places"),
    ):
        (line,) = run("show", *args[:-1], tmp_path / args[-1], width=400).output.splitlines()
        assert said in line
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--input", "2", "--kernel", "5"], "the kernel spans 5 on axis 0"),
        (["--input", "5y"], "whole numbers joined by x"),
        (["--padding", "1:2:3"], "low:high"),
        (["--padding", "odd"], "is not a padding word"),
        (["--dims", "1", "--input", "5x5"], "disagree"),
        (["--stride", "2x2x2", "--input", "5x5"], "has 3 numbers and the input 2 axes"),
        (["--stride", "0"], "`stride`=0 must be at least 1"),
        (["--taps", "1,b"], "numbers joined by commas"),
        (["--taps", "1,nan"], "must be finite numbers"),
        (["--channels", "0"], "`channels`"),
        (["--input", "0"], "spans 3 on axis 0"),
        (["--kernel", "0"], "the kernel has no taps on axis 0"),
        (["--input", "4x4x4", "--picture", "a.png"], "3 spatial axes: at most 2"),
        (["--taps", "1,2"], "2 numbers"),
        (["--channels", "3", "--groups", "2"], "`groups`=2 must divide"),
        (["--groups", "0"], "`groups`=0 must be at least 1"),
        (["--picture", "a.doc"], "a still is one of"),
        (["--padding", "1", "--padding-mode", "mirror"], "use one of zeros, circular, reflect, replicate, symmetric"),
        (["--padding", "5", "--padding-mode", "reflect"], "reflect padding reaches at most 4"),
        (["--padding", "1", "--padding-mode", "circular", "--stretch", "2"], "no meaning for a stretched input"),
        (["--animation", "a.gif", "--rate", "0"], "`rate`=0.0 must be from 0.01 to 100 pictures per second"),
        (["--animation", "a.html", "--rate", "nan"], "`rate`=nan must be from 0.01"),
        (["--dims", "0"], "`dims`=0 must be at least 1"),
        (["--input", "5²"], "whole numbers joined by x"),
        (["--padding", "²"], "low:high"),
        (["--output-padding", "1"], "only for a transposed convolution: give `transpose`, too, or leave it out"),
        (["--input", "0", "--padding", "2", "--picture", "a.png"], "C is 4×0 and has no entries to draw"),
        (["--input", "1000000"], "the input is 1000000×1000000×1, 1,000,000,000,000 numbers"),
        (["--channels", "100000"], "the kernel is 3×3×100000×100000, 90,000,000,000 numbers"),
        (["--padding", "1000000000"], "the output is 2000000003×2000000003×1"),
        (["--padding", "9999", "--padding-mode", "replicate", "--stride", "9999"], "the padded input is 20003×20003×1"),
        (["--picture", "/no/such/folder/a.png"], "a.png cannot be written: there is no folder /no/such/folder"),
        (["--rate", "3"], "--rate would do nothing without an --animation: give one, too, or leave it out"),
        (["--rate", "3", "--picture", "a.png"], "--rate would do nothing without an --animation"),
        (["--dark"], "--dark would do nothing without a file: give --picture or --animation, too, or leave it out"),
        (["--still", "a.png", "--picture", "b.png"], "--still would do nothing beside --picture, its newer spelling"),
        (["--animation", "no/such/a.gif"], "a.gif cannot be written: there is no folder no/such"),
    ],
)
def test_show_refuses_in_one_line(run, args, said):
    result = run("show", *args, width=400)
    assert result.exit_code == 2, result.output
    errors = [line for line in result.output.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert said in errors[0]
    assert "Traceback" not in result.output


def test_without_ffmpeg_nothing_is_written(run, tmp_path, monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "animation.ffmpeg_path", "no-such-ffmpeg")
    shown = run("show", "--picture", tmp_path / "a.png", "--animation", tmp_path / "a.mp4", width=400)
    made = run("gallery", tmp_path / "made", "--format", "mp4", width=400)
    for result in (shown, made):
        assert result.exit_code == 2
        (line,) = result.output.splitlines()
        assert "needs ffmpeg, which is not installed: write a .gif or a .html instead" in line
    assert not any(tmp_path.iterdir())


def test_a_matrix_of_many_rows_and_few_columns_has_no_square_of_its_rows_made_for_its_rank(run):
    options = ("--dims", 1, "--input", 8, "--kernel", 3, "--padding", 100000, "--padding-mode", "replicate")
    result = run("show", *options, width=400)
    assert result.exit_code == 0, result.output
    assert "is 200006×8" in result.output
    assert "8 of at most 8" in result.output
