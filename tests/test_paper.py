"""docs/paper.md: its code runs, the commands that it names exist, and it is cited as CITATION.cff says."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from minicnn.bench import find
from minicnn.bench.rivals import RIVALS
from minicnn.cli import app

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "paper.md").read_text()
COMMANDS = sorted(set(re.findall(r"`((?:minicnn|pytest|python -m) [^`]+)`", PAGE)))


def check(command: str) -> None:
    """Fail where a command, its options or the file that it names do not exist; nothing is run."""
    program, *words = shlex.split(command)
    if program == "pytest":
        assert all((ROOT / word).exists() for word in words)
    elif program == "python":
        _, module, *rest = words
        assert find_spec(module), module
        for word in rest:
            assert module != "experiments" or word == "--full" or (ROOT / "experiments" / f"{word}.py").exists(), word
    elif words != ["--version"]:
        group = typer.main.get_command(app)
        name, *given = words
        found = group.commands[name]
        context = found.make_context(name, list(given), resilient_parsing=False)
        if name == "bench":
            find(context.params["only"] or ())
            assert set(filter(None, context.params["rivals"].split(","))) <= set(RIVALS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    check(command)


@pytest.mark.parametrize(
    "command",
    ["minicnn nothing", "minicnn show --nothing 3", "python -m experiments linalg/nothing", "minicnn bench nothing"],
)
def test_a_command_that_does_not_exist_is_noticed(command: str) -> None:
    with pytest.raises(Exception, match="nothing"):
        check(command)


def test_the_code_runs() -> None:
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)


def test_every_paragraph_with_a_measured_number_names_its_command() -> None:
    """Numbers of more than two digits, decimals and percentages are results; sizes such as 5×5 are settings."""
    body = PAGE.split("## 2. ")[1].split("## 10. ")[0]
    prose = re.sub(r"```.*?```|\$\$.*?\$\$", "", body, flags=re.DOTALL)
    for paragraph in re.split(r"\n\n|\n- ", prose):
        if not paragraph.startswith(("#", "|")) and re.search(r"\d,\d{3}\b|\d\.\d(?! GHz)|\d %", paragraph):
            assert re.search(r"`(?:minicnn|pytest|python -m) ", paragraph) or "](fast.md#" in paragraph, paragraph
    rows = [line for line in body.splitlines() if line.startswith("|")][2:]
    assert all(re.search(r"`(?:minicnn|python -m) [^`]*` \|$", row) for row in rows)


def test_it_is_cited_as_the_citation_file_says() -> None:
    cited = (ROOT / "CITATION.cff").read_text()
    assert ("repository-code" in cited) == (" url " in PAGE)
    for field, key in (("title", "title"), ("version", "version")):
        (value,) = re.findall(rf'^{key}: "?([^"\n]*)"?$', cited, re.MULTILINE)
        assert re.search(rf"{field} *= \{{{re.escape(value)}\}}", PAGE), field
