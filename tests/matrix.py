"""The tests with the lowest and the newest versions of every library, in fresh environments: `make matrix`.

The lowest are those that pyproject.toml names, for the package and its extras; tools of the tests are the newest. Each
run is a row of docs/versions.md; a row of the same Python and versions is replaced.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "versions.md"
ENVIRONMENTS = ROOT / "runs" / "matrix"
SHOWN = ("jax", "jaxlib", "numpy", "scipy", "optax", "jaxtyping", "matplotlib", "pydantic", "typer")
VERSIONS = ("lowest", "newest")
_NUMBER = "import sys; print(sys.version.split()[0])"


def floors() -> list[str]:
    """The lowest versions, as pip's constraints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][name] for name in ("draw", "train", "cli", "linalg")]
    requirements = [requirement for several in (project["dependencies"], *extras) for requirement in several]
    return [requirement.replace(">=", "==") for requirement in requirements if ">=" in requirement]


def pythons() -> Iterator[str]:
    """Python 3.11 and the newest that runs here."""
    yield "python3.11"
    newer = (f"python3.{minor}" for minor in range(20, 11, -1))
    yield from [name for name in newer if _runs(name)][:1]


def _runs(name: str) -> bool:
    try:
        return subprocess.run([name, "-c", ""], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def made(python: str, versions: str) -> Path:
    """The Python of a fresh environment in which the package is installed with all that its tests need."""
    number = subprocess.run([python, "-c", _NUMBER], capture_output=True, text=True, check=True).stdout.strip()
    place = ENVIRONMENTS / f"{number}-{versions}"
    subprocess.run([python, "-m", "venv", "--clear", place], check=True)
    constraints = place / "constraints.txt"
    constraints.write_text("\n".join(floors() if versions == "lowest" else ()))
    inside = place / "bin" / "python"
    pip = [inside, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--constraint", constraints, "--editable", f"{ROOT}[test]"], check=True)
    return inside


def ran(inside: Path, tests: list[str]) -> str:
    """What pytest says in the end, with the names of tests that failed before it."""
    command = [
        inside,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-m",
        "not long",
        "-r",
        "fE",
        f"--junitxml={inside.parents[1] / 'pytest.xml'}",
    ]
    done = subprocess.run([*command, *tests], cwd=ROOT, capture_output=True, text=True, check=False)
    inside.parents[1].joinpath("pytest.txt").write_text(done.stdout + done.stderr)
    lines = done.stdout.strip().splitlines() or ["no output"]
    failed = [line.split(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))]
    print(*failed, lines[-1], sep="\n", flush=True)
    return re.sub(r" in [\d.]+s.*|=+ ?", "", lines[-1])


def row(inside: Path, versions: str, tests: list[str], said: str) -> str:
    """A row of the table."""
    listed = "import sys, importlib.metadata as m; print(sys.version.split()[0], *map(m.version, sys.argv[1:]))"
    found = subprocess.run([inside, "-c", listed, *SHOWN], capture_output=True, text=True, check=True).stdout.split()
    named = ", ".join(f"{name} {version}" for name, version in zip(SHOWN, found[1:], strict=True))
    return f"| {found[0]}, {versions} | {named} | {' '.join(tests) or 'all'} | {said} |"


def write(new: str) -> None:
    """Put a row into the page, in the place of an older one of the same Python and versions."""
    key = new.partition(" | ")[0]
    lines = [line for line in PAGE.read_text().rstrip().splitlines() if not line.startswith(f"{key} |")]
    PAGE.write_text("\n".join([*lines, new]) + "\n")


def main() -> None:
    """Make the environments, run the tests and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", help="files and folders; the whole suite without")
    parser.add_argument("--python", nargs="*", default=[*pythons()], help="names or paths of Pythons")
    parser.add_argument("--versions", nargs="*", default=[*VERSIONS], choices=VERSIONS)
    given = parser.parse_args()
    rows = []
    for python in given.python:
        for versions in given.versions:
            print(f"{python}, {versions}", flush=True)
            inside = made(python, versions)
            said = ran(inside, given.tests)
            rows.append(row(inside, versions, given.tests, said))
            write(rows[-1])
    sys.exit(any("failed" in each or "error" in each for each in rows))


if __name__ == "__main__":
    main()
