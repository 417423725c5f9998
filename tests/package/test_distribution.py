"""Wheel and source distribution, installed outside the checkout, have all that a stranger needs."""

import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import minicnn
from tests.package.test_address import README, REPOSITORY, hatch_build

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[2]
SHIPPED = {"LICENSE", "README.md", "SECURITY.md", "pyproject.toml", "hatch_build.py", "Makefile", "conftest.py"}


def output(*command: str | Path, cwd: Path) -> str:
    """What a command prints; the checkout is not on its path."""
    environment = {"PATH": "", "HOME": str(cwd), "JAX_PLATFORMS": "cpu"}
    words = [*map(str, command)]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, target: str, folder: Path) -> Path:
    """The wheel or the source distribution of a folder with sources."""
    output(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    (built,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from the source distribution, as installers do."""
    sources = tmp_path_factory.mktemp("sources")
    with tarfile.open(sdist) as archive:
        # Python 3.11.4 was the first that asks for a filter, and 3.11.2 has none.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(sources)
    (unpacked,) = sources.iterdir()
    return build(unpacked, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder of programs of an environment in which the wheel is installed, and the libraries of this one."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    output(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=place)
    packages = output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip()
    (Path(packages) / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


@pytest.fixture(scope="module")
def metadata(wheel) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {file.relative_to(ROOT).as_posix() for file in (ROOT / "minicnn").rglob("*") if file.is_file()}
    assert held == {name for name in files if "__pycache__" not in name}
    assert {"minicnn/py.typed", "minicnn/explore/web/page.html", "minicnn/explore/lenet5.safetensors"} <= held


def test_the_source_distribution_holds_what_the_tests_need(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= SHIPPED
    for folder in ("minicnn", "tests", "experiments", "docs"):
        assert any(name.startswith(f"{folder}/") for name in names)
    assert not [name for name in names if re.match(r"runs/|docs/_build/|\.venv/|node_modules/", name)]


def test_metadata(metadata):
    assert metadata["Name"] == "minicnn"
    assert metadata["Version"] == minicnn.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert {"draw", "train", "linalg", "cli", "all"} <= {*metadata.get_all("Provides-Extra")}


def test_an_index_shows_the_readme_and_where_the_project_lives(metadata):
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload(decode=True).decode().strip() == hatch_build.standing_alone(README, REPOSITORY).strip()
    listed = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    assert listed == hatch_build.urls(REPOSITORY)


def test_the_package_works_outside_the_checkout(installed, tmp_path):
    program = """
import minicnn, jax.numpy as jnp
from importlib.metadata import files, version
from importlib.resources import files as resources
assert "environment" in minicnn.__file__, minicnn.__file__
assert version("minicnn") == minicnn.__version__
assert (resources("minicnn") / "py.typed").is_file()
assert [file for file in files("minicnn") if file.name == "LICENSE"]
C = minicnn.conv_matrix(jnp.arange(9.0).reshape(3, 3, 1, 1), (4, 4))
print(C.shape)
"""
    assert output(installed / "python", "-c", program, cwd=tmp_path).strip() == "(4, 16)"


def test_the_command_works_outside_the_checkout(installed, tmp_path):
    assert "certify" in output(installed / "minicnn", "--help", cwd=tmp_path)
    assert "w₀₀" in output(installed / "minicnn", "show", "--input", "4", "--kernel", "3", cwd=tmp_path)


def test_the_explorer_is_written_outside_the_checkout(installed, tmp_path):
    program = "from minicnn.explore import write_page; from pathlib import Path; write_page(Path('page.html'))"
    output(installed / "python", "-c", program, cwd=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert len(page) > 300_000
