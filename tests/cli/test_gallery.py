"""`minicnn gallery`: what it makes, and what it knows."""

from minicnn.draw.guide import PUBLISHED


def test_gallery_makes_what_is_asked_for(run, tmp_path):
    folder = tmp_path / "made"
    result = run("gallery", folder, "--only", PUBLISHED[0].name, width=200)
    assert result.exit_code == 0, result.output
    assert "6 of 6 published numbers agree" in result.output
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "no_padding_no_strides.gif"]


def test_gallery_knows_its_names(run, tmp_path):
    result = run("gallery", tmp_path, "--only", "none", width=2000)
    assert result.exit_code == 2
    assert "is not an animation of the gallery: use one of no_padding_no_strides, " in result.output
