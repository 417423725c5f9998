"""The documentation: every lesson is listed and describes its pictures, and every public name is in the reference.

The site itself, with every lesson executed, is built by `make docs`.
"""

import ast
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from minicnn import Axis

DOCS = Path(__file__).parents[1] / "docs"
_SPEC = importlib.util.spec_from_file_location("notebooks", DOCS / "notebooks.py")
assert _SPEC and _SPEC.loader
notebooks = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(notebooks)
LESSONS = sorted(path for path in (DOCS / "tutorials").glob("*.md") if path.stem != "index")
PAGES = sorted(
    [
        *DOCS.glob("*.md"),
        *(DOCS / "course").glob("*.md"),
        *LESSONS,
        DOCS / "tutorials" / "index.md",
        *(DOCS / "api").glob("*.md"),
    ]
)
COLUMN = 88  # letters of code that stand beside each other in a window of 1280 pixels
CELL = re.compile(r"^```\{code-cell\}\n(?:---\n(.*?)^---\n)?(?::tags: ([^\n]*)\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)
# The pages that `make docs` writes before it builds the site: one for each experiment, and what leads to them.
EXPERIMENTS = [path for path in (DOCS.parent / "experiments").glob("*/*.py") if path.stem != "__init__"]
WRITTEN = {DOCS / "experiments" / f"{path.parent.name}-{path.stem}.md" for path in EXPERIMENTS}
WRITTEN |= {DOCS / "experiments" / name for name in ("index.md", "errors.md")}
PUBLIC = (
    *("minicnn", "minicnn.autodiff", "minicnn.compat", "minicnn.data", "minicnn.draw", "minicnn.forms"),
    *(
        "minicnn.identities",
        "minicnn.linalg",
        "minicnn.maps",
        "minicnn.nn",
        "minicnn.nn.initializers",
        "minicnn.nn.losses",
    ),
    *("minicnn.ops", "minicnn.train", "minicnn.zoo"),
)


def name(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


def toctree(page: Path) -> list[str]:
    """The pages that the toctrees of a page list."""
    body = "\n".join(re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL))
    return [line for line in body.splitlines() if line and not line.startswith(":")]


def documented() -> set[str]:
    """What the reference documents, by its directives."""
    found, module = set[str](), ""
    for page in (DOCS / "api").glob("*.md"):
        directives = re.findall(
            r"^\.\. (\w+):: (\S+)\n(?: +:exclude-members: ([^\n]*)\n)?", page.read_text(), re.MULTILINE
        )
        for directive, target, excluded in directives:
            if directive == "currentmodule":
                module = target
            elif directive == "automodule":
                names = set(public_names(target)) - set(excluded.split(", "))
                found |= {target} | {f"{target}.{name}" for name in names}
            else:
                found.add(target if target.startswith("minicnn.") else f"{module}.{target}")
    return found


def public_names(module: str) -> list[str]:
    """`__all__`, or what is defined in the module itself."""
    value = import_module(module)
    own = [key for key, item in vars(value).items() if getattr(item, "__module__", "") == module and key[0] != "_"]
    return getattr(value, "__all__", own)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    assert not {f"{module}.{key}" for key in public_names(module)} - documented()


@pytest.mark.parametrize("page", sorted((DOCS / "api").glob("*.md")), ids=name)
def test_a_page_of_the_reference_first_says_when_to_use_what(page: Path) -> None:
    said = page.read_text().partition("\n\n")[2].partition("```")[0].partition("|")[0].split()
    assert len(said) >= 20


def test_every_page_is_in_the_contents() -> None:
    assert sorted(toctree(DOCS / "tutorials" / "index.md")) == [path.stem for path in LESSONS]
    sheets = sorted(path.stem for path in (DOCS / "course").glob("*.md") if path.stem != "index")
    assert toctree(DOCS / "course" / "index.md") == sheets
    reference = [path.stem for path in (DOCS / "api").glob("*.md") if path.stem != "index"]
    assert sorted(toctree(DOCS / "api" / "index.md")) == sorted(reference)
    named = toctree(DOCS / "index.md")
    folders = ["tutorials/index", "course/index", "explorer/index", "experiments/index", "api/index"]
    assert sorted(named) == sorted([*folders, *(path.stem for path in DOCS.glob("*.md") if path.stem != "index")])


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_every_picture_of_a_lesson_is_described(page: Path) -> None:
    for header, _, code in CELL.findall(page.read_text()):
        if "plt." in code.replace("import pyplot as plt", "") or "draw." in code:
            words = re.search(r"alt: (.*)", header)
            assert words, f"a cell draws and has no alt text:\n{code}"
            assert len(words[1].split()) >= 8


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_picture_of_a_page_is_described(page: Path) -> None:
    assert all(len(words.split()) >= 4 for words in re.findall(r"!\[(.*?)\]\(", page.read_text()))


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_every_lesson_has_code_that_parses_and_exercises_with_solutions(page: Path) -> None:
    text = page.read_text()
    cells = CELL.findall(text)
    for _, _, code in cells:
        ast.parse(code)
    exercises = re.split(r"^:::\{admonition\} Exercise \d\n", text, flags=re.MULTILINE)[1:]
    assert 2 <= len(exercises) <= 4
    assert all("hide-cell" in exercise or "{dropdown}" in exercise for exercise in exercises)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_code_of_a_page_fits_its_column(page: Path) -> None:
    assert not too_long(line for code in written_code(page.read_text()) for line in code.splitlines())


@pytest.mark.parametrize("module", PUBLIC)
def test_the_examples_of_the_reference_fit_their_column(module: str) -> None:
    named = [getattr(import_module(module), key) for key in public_names(module)]
    described = [value for item in named for value in (item, *(vars(item).values() if isinstance(item, type) else ()))]
    examples = [part for value in described for part in (inspect.getdoc(value) or "").split("\n\n") if ">>> " in part]
    assert not too_long(line for example in examples for line in example.splitlines())


def test_code_beyond_its_column_is_noticed() -> None:
    wide = "x" * 89
    for page in (
        f"```python\n{wide}\n```\n",
        f"```{{code-cell}}\n---\ntags: []\n---\n{wide}\n```\n",
        f"So:\n\n    {wide}\n",
    ):
        assert too_long(line for code in written_code(page) for line in code.splitlines()) == [wide]
    assert not written_code(
        f"```{{code-cell}}\n---\nalt: {wide}\n---\n```\n```{{toctree}}\n{wide}\n```\n- a\n\n  {wide}\n"
    )[0]


def written_code(page: str) -> list[str]:
    """The code of a page, without the options of its cells: fenced, or indented."""
    blocks = re.findall(r"^```([^\n]*)\n(?:---\n.*?^---\n)?(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    fenced = [code for info, code in blocks if info[:1] != "{" or info == "{code-cell}"]
    rest = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?<=\n\n) {4}[^\n]+\n(?: {4}[^\n]+\n)*", rest)
    return [*fenced, *(textwrap.dedent(block) for block in indented)]


def too_long(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if len(line) > COLUMN]


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_a_lesson_is_a_notebook(page: Path) -> None:
    made = notebooks.notebook(page.read_text())
    codes = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]
    assert codes == [code.strip("\n") for _, _, code in CELL.findall(page.read_text())]
    words = "".join(cell["source"] for cell in made["cells"] if cell["cell_type"] == "markdown")
    assert words.startswith("# ")
    assert ":::" not in words
    assert not [stem for stem in re.findall(r"\((\w+)\.ipynb", words) if not (page.parent / f"{stem}.md").exists()]
    solutions = [cell for cell in made["cells"] if cell["metadata"].get("jupyter")]
    assert len(solutions) == page.read_text().count("hide-cell")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_pages_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
        if "://" not in target:
            assert (linked := page.parent / target).exists() or Path(os.path.normpath(linked)) in WRITTEN, target


def test_the_pages_that_are_not_kept_are_written_with_the_site() -> None:
    recipe = (DOCS.parent / "Makefile").read_text()
    for page in WRITTEN:
        assert f"--pages {page.parent.relative_to(DOCS.parent)}\n" in recipe


def test_every_dotted_name_of_the_package_exists() -> None:
    texts = [*PAGES, DOCS.parent / "README.md", *(DOCS.parent / "minicnn").rglob("*.py")]
    named = {name for text in texts for name in re.findall(r"(?<![\w/])minicnn(?:\.[A-Za-z]\w*)+", text.read_text())}
    assert not [name for name in sorted(named) if not resolves(name)]


def test_a_dotted_name_that_does_not_exist_is_noticed() -> None:
    assert resolves("minicnn.forms.tiles.Tiles.cuts")
    assert not resolves("minicnn.forms.no_such_room")
    assert not resolves("minicnn.nothing")


def resolves(dotted: str) -> bool:
    """Whether a dotted name leads from modules to what they define."""
    module, _, name = dotted.rpartition(".")
    if not module:
        return importlib.util.find_spec(dotted) is not None
    try:
        return hasattr(import_module(module), name) or bool(importlib.util.find_spec(dotted))
    except ModuleNotFoundError:
        holder, _, member = module.rpartition(".")
        return bool(holder) and resolves(module) and hasattr(getattr(import_module(holder), member, None), name)


@pytest.fixture
def conf(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("sphinx")
    for variable in ("JAX_PLATFORMS", "TF_CPP_MIN_LOG_LEVEL", "MATPLOTLIBRC"):
        monkeypatch.setenv(variable, "")
    spec = importlib.util.spec_from_file_location("conf", DOCS / "conf.py")
    assert spec and spec.loader
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    return conf


def test_the_configuration_names_what_is_public_and_keeps_signs_as_they_are(conf: ModuleType) -> None:
    assert set(conf.PUBLIC) == set(PUBLIC)
    lines = ["(*batch, c) and *emphasis* of |x|, `name`s", ">>> f(*x)"]
    conf._escape(None, "", "", None, None, lines)
    assert lines == [r"(\*batch, c) and *emphasis* of \|x\|, `name`\ s", ">>> f(*x)"]


def test_a_property_is_described_by_its_whole_sentence(conf: ModuleType) -> None:
    from sphinx.ext import napoleon

    app, described = SimpleNamespace(config=napoleon.Config()), Axis.T
    lines = [*(inspect.getdoc(described) or "").splitlines(), ""]
    sentence = lines[0]
    napoleon._process_docstring(app, "property", "minicnn.Axis.T", described, {}, lines)
    assert sentence not in lines  # napoleon alone makes a type of what stands before the colon
    conf._describe_property(app, "property", "minicnn.Axis.T", described, {}, lines)
    assert lines[0] == sentence


def test_the_check_of_the_site_passes_what_is_sound_and_stops_at_what_is_not(tmp_path):
    command = [sys.executable, DOCS / "check.py", tmp_path]
    page = tmp_path / "index.html"
    page.write_text('<a href="#top">up</a>')
    assert subprocess.run(command, check=False).returncode == 0
    page.write_text('<a href="gone.html">away</a><img src="#top" alt="">')
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert "gone.html leads nowhere" in found.stderr
    assert "has no description" in found.stderr
