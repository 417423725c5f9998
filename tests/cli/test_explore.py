"""`minicnn explore`: the page that it writes and the address that it opens."""

import pytest

from minicnn.cli import explore


@pytest.fixture
def opened(monkeypatch):
    urls = []
    monkeypatch.setattr(explore.webbrowser, "open", urls.append)
    return urls


def test_explore_writes_the_page_and_opens_it_at_the_setting(run, tmp_path, opened):
    path = tmp_path / "page.html"
    options = ("--input", "6x5", "--kernel", "3", "--stride", "2", "--padding", "1:2x0", "--out", path)
    result = run("explore", *options, "--taps", "1,0,-1,2,0,-2,1,0,-1", width=300)
    assert result.exit_code == 0, result.output
    assert "wrote" in result.output
    assert path.read_text().startswith("<!doctype html>")
    assert opened == [f"{path.as_uri()}#input=6x5&kernel=3&stride=2&padding=1:2x0&w=1,0,-1,2,0,-2,1,0,-1"]


def test_explore_need_not_open_it(run, tmp_path, opened):
    result = run("explore", "--kind", "max", "--no-open", "--out", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    assert not opened
    assert '"state":"input=5&kernel=3&kind=max"' in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "median"), "is not a kind of layer"),
        (("--padding-mode", "wrap"), "is not a way of padding"),
        (("--input", "five"), "whole numbers"),
        (("--input", "4x4x4"), "3 axes"),
        (("--padding", "1:2:3"), "padding"),
        (("--padding", "foo"), "is not a padding word"),
        (("--padding", "500"), "`padding`=500 must be from -128 to 128"),
        (("--padding", "4", "--padding-mode", "reflect", "--input", "3"), "reflect padding reaches at most 2"),
        (("--stride", "0"), "`stride`=0 must be from 1 to 100: the page draws no others"),
        (("--stride", "2x2x2"), "`stride`=2x2x2 has 3 numbers"),
        (("--taps", "a,b"), "`taps`='a,b' must be finite numbers joined by commas"),
        (("--taps", "1,2"), "the kernel is given 2 numbers and has 9 taps"),
        (("--input", "0"), "`input`=0 must be from 1 to 100"),
        (("--input", "99999999"), "`input`=99999999 must be from 1 to 100"),
        (("--input", "2"), "the kernel spans 3 on axis 0"),
        (("--input", "2", "--kind", "max"), "the kernel spans 3 on axis 0"),
        (("--kernel", "0"), "`kernel`=0 must be from 1 to 100"),
        (("--channels", "17"), "`channels`=17 must be from 1 to 16"),
        (("--channels", "3", "--groups", "2"), "`groups`=2 must divide c_in=3"),
        (("--groups", "0"), "`groups`=0 must be at least 1"),
        (("--input", "100", "--kernel", "50"), "non-zeros: the explorer shows up to 600,000"),
        (("--output-padding", "1"), "only for a transposed convolution: give `transpose`, too, or leave it out"),
        (("--seed", "1000000"), "`seed`=1000000 must be from 0 to 999999"),
        (("--kind", "lp", "--groups", "5"), "--groups would do nothing for --kind lp: leave it out"),
        (("--kind", "max", "--channels", "2x3"), "`channels`=2x3 would do nothing for --kind max, which pools each"),
        (("--kind", "local", "--taps", "1,2", "--flip"), "--flip, --taps would do nothing for --kind local"),
    ],
)
def test_explore_says_what_it_cannot_read(run, tmp_path, opened, options, said):
    result = run("explore", *options, "--out", tmp_path / "page.html", width=300)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "page.html").exists()
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--kind", "average", "--channels", 3, "--padding", 1),
        ("--kind", "lp", "--kernel", 2, "--stride", 1),
        ("--kind", "local", "--channels", "2x3"),
        ("--kind", "tiled", "--input", "8x7", "--dilation", 2),
        ("--transpose", "--input", 3, "--stride", 2, "--output-padding", 1, "--channels", "4x2", "--groups", 2),
        ("--padding", "causal", "--dims", 1, "--input", 512, "--kernel", 9),
        ("--padding", "1", "--padding-mode", "circular", "--flip"),
        ("--padding", "-1:0", "--input", 6, "--stretch", 2),
    ],
)
def test_every_kind_of_layer_is_opened(run, tmp_path, opened, options):
    result = run("explore", *options, "--out", tmp_path / "page.html", width=300)
    assert result.exit_code == 0, result.output
    assert len(opened) == 1


def test_a_page_in_no_folder_is_refused_before_it_is_made(run, monkeypatch, opened):
    monkeypatch.setattr("minicnn.explore.write_page", lambda *_: pytest.fail("it was made"))
    result = run("explore", "--out", "no/such/page.html", width=200)
    assert result.output == "error: no/such/page.html cannot be written: there is no folder no/such\n"
