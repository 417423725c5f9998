"""The address of the project is set in one place; what an index shows follows from it, and what repeats it agrees."""

import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[2]
_SPEC = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
assert _SPEC and _SPEC.loader
hatch_build = module_from_spec(_SPEC)
_SPEC.loader.exec_module(hatch_build)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REPOSITORY = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
README = (ROOT / "README.md").read_text()
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def links(text: str) -> list[tuple[str, str]]:
    """The links outside code, with a sign at pictures."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [(picture, target) for picture, _, target in LINK.findall(prose)]


def code(text: str) -> list[str]:
    return re.findall(r"```.*?```", text, re.DOTALL)


def test_with_an_address_every_link_and_picture_leads_to_a_file_there():
    address = "https://example.org/us/minicnn"
    shown = hatch_build.standing_alone(README, address)
    assert not [target for _, target in links(shown) if not target.startswith(("https://", "#"))]
    here = [(picture, target.removeprefix(address)) for picture, target in links(shown) if target.startswith(address)]
    assert len(here) == len([target for _, target in links(README) if not target.startswith(("https://", "#"))])
    for picture, path in here:
        way, _, file = path.removeprefix("/").partition("/main/")
        assert way == ("raw" if picture else "blob")
        assert (ROOT / file.partition("#")[0]).exists(), path
    assert all(url.startswith(address) for url in hatch_build.urls(address).values())


def test_without_one_no_link_is_dead_and_pictures_are_described():
    shown = hatch_build.standing_alone(README, "")
    assert links(shown) == [link for link in links(README) if link[1].startswith(("https://", "#"))]
    described = [words for picture, words, _ in LINK.findall(README) if picture]
    assert described
    assert all(f"*{words}.*" in shown for words in described)
    assert not hatch_build.urls("")


@pytest.mark.parametrize("address", ["", "https://example.org/us/minicnn"])
def test_code_of_the_readme_stays_as_it_is(address):
    assert code(hatch_build.standing_alone(README, address)) == code(README)


def test_what_repeats_the_address_agrees():
    expected = [REPOSITORY] if REPOSITORY else []
    citation, paper = (ROOT / "CITATION.cff").read_text(), (ROOT / "docs" / "paper.md").read_text()
    assert re.findall(r"^repository-code: (\S+)$", citation, re.MULTILINE) == expected
    assert re.findall(r"^  url += {(\S+)}$", paper, re.MULTILINE) == expected


def test_no_other_address_is_given_to_the_project():
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "SECURITY.md")]
    pages += [ROOT / "pyproject.toml", *(ROOT / "docs").glob("*.md"), *(ROOT / "minicnn").rglob("*.py")]
    for page in pages:
        found = re.findall(r"https?://[^\s)>}\"']*/minicnn\b(?=[\s)>}\"'/.])", page.read_text())
        assert {address.rstrip("/.") for address in found} <= {REPOSITORY}, page


def test_nobody_is_sent_to_an_index_that_has_another_project_of_this_name():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        assert REPOSITORY or not re.search(r"pip install '?minicnn", page.read_text()), page
