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
    ],
)
def test_explore_says_what_it_cannot_read(run, tmp_path, opened, options, said):
    result = run("explore", *options, "--out", tmp_path / "page.html", width=300)
    assert result.exit_code == 2
    assert said in result.output
