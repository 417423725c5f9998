"""The page is put together from modules, the same one every time."""

import re

import pytest

from minicnn.explore import page
from minicnn.explore.bundle import bundle
from minicnn.explore.presets import presets


@pytest.fixture
def modules(tmp_path):
    def write(**sources):
        for name, source in sources.items():
            (tmp_path / f"{name}.js").write_text(source)
        return tmp_path

    return write


def test_a_module_comes_behind_what_it_imports_and_once(modules):
    folder = modules(
        main='import { two } from "./b.js";\nimport { one } from "./a.js";\none(two);',
        b='import { one } from "./a.js";\nexport const two = 2 * one;',
        a="// A comment.\nexport const one = 1;",
    )
    script = bundle(folder, "main")
    assert re.findall(r"const (\w)_js|const (main)_js", script) == [("a", ""), ("b", ""), ("", "main")]
    assert "comment" not in script
    assert "const { two } = b_js;" in script


def test_a_circle_of_imports_is_an_error(modules):
    folder = modules(
        a='import { b } from "./b.js";\nexport const a = 1;', b='import { a } from "./a.js";\nexport const b = 1;'
    )
    with pytest.raises(ValueError, match="a imports b imports a"):
        bundle(folder, "a")


def test_the_page_is_the_same_every_time_and_small_enough():
    assert page({"input": "4"}) == page({"input": "4"})
    assert len(page().encode()) < 500_000


def test_the_page_names_nothing_outside_itself():
    assert not re.findall(r'(?:src|href)="(?!data:)', page())
    assert {*re.findall(r"https?://[^\s\"'`<)]+", page())} <= {"http://www.w3.org/2000/svg"}


def test_what_is_given_cannot_end_the_script():
    assert page({"w": "</script><script>alert(1)"}).count("</script>") == page().count("</script>")


def test_the_guide_is_among_the_presets():
    groups = [preset["group"] for preset in presets()]
    assert groups.count("Guide to convolution arithmetic") == 19
    assert len({(preset["group"], preset["name"]) for preset in presets()}) == len(groups)
