"""Which tests an edit concerns: `python -m tests.affected` prints arguments for pytest, for what git says has changed.

A module is tested by its own examples, by the file of its name in the mirrored folder of `tests`, and by every test
file that imports it. Where a folder has no file of that name, those of its tests that name the module stand in. A page
is tested by the tests of pages, and any other file by those that name it.
"""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


def changed() -> list[Path]:
    """The files that differ from the last commit, or, where none does, from the one before it."""
    ask = lambda *words: subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = ask("diff", "--name-only", "HEAD") + ask("ls-files", "--others", "--exclude-standard")
    return [Path(line) for line in (files or ask("diff", "--name-only", "HEAD~1")).splitlines()]


def arguments(files: Iterable[Path]) -> list[str]:
    """The test files, and the modules with examples, of some changed files."""
    found = {test.as_posix() for file in files for test in tests_of(file) if (ROOT / test).exists()}
    return sorted(found)


def tests_of(file: Path) -> Iterator[Path]:
    """The tests of one file, some of which may not exist."""
    folder = file.parts[0] if file.suffix == ".py" else ""
    if file.suffix == ".md":
        yield from (Path("tests/test_docs.py"), Path("tests/test_readme.py"))
    elif folder == "tests":
        yield from [file] if file.name.startswith("test_") else users_of(_module(file))
    elif folder == "minicnn":
        own = Path("tests", *file.parts[1:-1], f"test_{file.stem}.py")
        yield from (file, own, *users_of(_module(file)))
    elif folder == "experiments":
        yield Path("tests/experiments/test_experiments.py")
    else:
        yield from (test for test in _imports() if file.name in (ROOT / test).read_text())


def users_of(module: str) -> Iterator[Path]:
    """The test files that import a module by its name."""
    return (test for test, names in _imports().items() if module in names)


def _module(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _imports() -> dict[Path, set[str]]:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return {file.relative_to(ROOT): set(_imported(ast.parse(file.read_text()))) for file in files}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


if __name__ == "__main__":
    print(*arguments(changed()))
