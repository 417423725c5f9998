"""An edit is tested by what is about it: the examples of the module, the file of its name, and who imports it."""

from pathlib import Path

from tests.affected import arguments


def test_a_module_is_tested_by_its_examples_its_own_file_and_its_users() -> None:
    found = arguments([Path("minicnn/forms/device_tiles.py")])
    assert found == ["minicnn/forms/device_tiles.py", "tests/forms/test_device_tiles.py"]
    assert "tests/functional/test_meshes.py" not in found
    assert "tests/forms/test_decomposition.py" in arguments([Path("minicnn/axis.py")])


def test_tests_are_tested_by_themselves_and_what_they_share_by_its_users() -> None:
    assert arguments([Path("tests/test_axis.py")]) == ["tests/test_axis.py"]
    assert arguments([Path("tests/forms/spatial.py")]) == ["tests/forms/test_device_tiles.py"]


def test_pages_are_tested_by_the_tests_of_pages_and_what_was_removed_by_nothing() -> None:
    assert arguments([Path("docs/fast.md")]) == ["tests/test_docs.py", "tests/test_readme.py"]
    assert arguments([Path("tests/test_gone.py")]) == []


def test_other_files_are_tested_by_the_tests_that_name_them() -> None:
    found = arguments([Path("docs/slides.py"), Path("minicnn/explore/web/page.html")])
    assert {"tests/test_course.py", "tests/package/test_distribution.py"} <= {*found}
    assert "tests/test_readme.py" not in found
    assert "tests/package/test_address.py" in arguments([Path("hatch_build.py")])
