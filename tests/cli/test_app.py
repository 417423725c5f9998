"""What all commands share: the order of the help, words that stay whole, versions, waiting, and the last line."""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

import minicnn
from minicnn.cli import app
from minicnn.cli import waiting as waiting_room
from minicnn.cli.app import PANELS, Terminal
from minicnn.cli.waiting import Waiting, WithCursor
from minicnn.zoo.registry import NETWORKS

COMMANDS = [command.callback.__name__ for command in app.registered_commands if command.callback]
HIDDEN = {
    "certify": (["--size", "3x4", "--channels-in", 2], ["--input", "3x4", "--channels", "2x1"]),
    "model": (["lenet5", "--original"], ["lenet5-1998"]),
    "show": (["--still", "a.doc"], ["--picture", "a.doc"]),
    "predict": ([".", ".", "--save", "a.doc"], [".", ".", "--picture", "a.doc"]),
}


def words(text: str) -> set[str]:
    return set(re.sub("[│╭╮╰╯─]", " ", text).split())


def test_training_comes_first_and_every_command_is_in_a_panel(run):
    assert {name for names in PANELS.values() for name in names} == set(COMMANDS)
    shown = re.findall(r"^│ (\w+) ", run("--help", width=200).output, re.MULTILINE)
    assert shown[:2] == ["demo", "train"]
    assert shown == [name for names in PANELS.values() for name in names]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_word_of_the_help_is_broken_at_80_columns(run, name):
    narrow, wide = (words(run(name, "--help", width=width).output) for width in (80, 400))
    assert not narrow - wide
    assert len(max(run(name, "--help", width=80).output.splitlines(), key=len)) <= 80


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", NETWORKS)
def test_no_word_of_a_networks_table_is_broken_at_80_columns(run, name):
    narrow, wide = (words(run("model", name, width=width).output) for width in (80, 400))
    assert not narrow - wide


def test_the_version_names_what_a_report_needs(run, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_some_flag=1")
    result = run("--version")
    assert result.exit_code == 0
    facts = dict(re.split(r"  +", line, maxsplit=1) for line in result.output.splitlines())
    assert list(facts) == ["minicnn", "jax", "jaxlib", "numpy", "python", "processor", "devices", "JAX flags"]
    assert facts["minicnn"] == minicnn.__version__
    assert "XLA_FLAGS=--xla_some_flag=1" in facts["JAX flags"]


@pytest.mark.parametrize("name", HIDDEN)
def test_an_older_spelling_means_the_same_and_is_not_shown(run, name, monkeypatch):
    monkeypatch.setattr("minicnn.identities.catalogue_table.CATALOGUE", {})
    more = ["--kernel", 2] if name == "certify" else []
    older, newer = (run(name, *args, *more, width=200) for args in HIDDEN[name])
    assert older.output == newer.output
    assert older.exit_code == newer.exit_code
    options = {option for option in HIDDEN[name][0] if str(option).startswith("--")}
    assert not options & words(run(name, "--help", width=400).output)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["evaluate", "nowhere"], "nowhere is not a finished run: it has no config.json"),
        (["certify", "nowhere"], "nowhere is not a finished run: it has no config.json"),
        (["predict", "nowhere", "a.png"], "nowhere is not a finished run: it has no config.json"),
        (["train", "--resume", "nowhere"], "nowhere is not a run: it has no config.json"),
        (["spectrum", "--json", "no/such/a.json"], "no/such/a.json cannot be written: there is no folder no/such"),
        (["spectrum", "--json", "docs"], "docs cannot be written: it is a folder"),
        (["certify", "--json", "no/such/a.json"], "no/such/a.json cannot be written: there is no folder no/such"),
    ],
)
def test_paths_are_checked_before_anything_heavy_is_imported(args, said):
    loads = "import sys; from minicnn.cli import main\ntry: main()\n"
    loads += "finally: print([m for m in ('optax', 'sklearn', 'matplotlib') if m in sys.modules])"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", loads, *args], capture_output=True, text=True, cwd=root, check=False)
    assert (done.returncode, done.stderr) == (2, f"error: {said}\n")
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["show", "--nothing"], ["no such option: --nothing", "minicnn show"]),
        (["show", "--[red]", 3], ["no such option: --[red]", "minicnn show"]),
        (["show", "--input"], ["option '--input' requires an argument", "minicnn show"]),
        (["show", "--dark=3"], ["option '--dark' does not take a value", "minicnn show"]),
        (["show", "--rate", "x"], ["'--rate'", "'x'", "minicnn show"]),
        (["predict"], ["missing argument 'run'", "minicnn predict"]),
        (["evaluate", "a", "b"], ["got unexpected extra argument(s) (b)", "minicnn evaluate"]),
        (["sho"], ["no such command 'sho'. did you mean 'show'?", "minicnn"]),
        (["--nothing"], ["no such option: --nothing", "minicnn"]),
        (["train", "--seed", "-1"], ["'--seed': a seed is a whole number from 0 to 2147483647", "minicnn train"]),
    ],
)
def test_what_is_typed_wrongly_is_one_line_on_standard_error(args, named):
    """The rest of its words are Typer's, and change with its version."""
    result = CliRunner().invoke(app, [*map(str, args)], prog_name="minicnn", env={"COLUMNS": "40"})
    assert (result.exit_code, result.stdout) == (2, "")
    *named, command = named
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"(see `{command} --help`)")
    assert all(words in line.lower() for words in named)


def test_without_a_command_there_is_the_help_and_no_error(run):
    result = run()
    assert "Every layer is a matrix" in result.output
    assert "error" not in result.output


@pytest.mark.parametrize("seed", [-1, 2**31, 10**30])
@pytest.mark.parametrize("name", ["show", "spectrum", "lift", "certify", "explore", "bench", "demo", "train"])
def test_a_seed_that_is_none_is_refused_in_words_about_seeds(run, name, seed):
    result = run(name, "--seed", seed, width=200)
    assert result.exit_code == 2
    assert f"a seed is a whole number from 0 to 2147483647, and {seed} is not" in result.output


@pytest.mark.parametrize("size", [2**31, 10**20])
@pytest.mark.parametrize(("name", "option"), [("lift", "shape"), ("certify", "shape"), ("spectrum", "input")])
def test_a_size_that_nothing_can_count_to_is_refused_even_beside_a_zero(run, name, option, size):
    target = [] if name == "spectrum" else ["jax.nn:relu"]
    result = run(name, *target, f"--{option}", f"0x{size}", width=200)
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert f"`{option}`={size} must lie within 32 bits" in result.output


@pytest.mark.parametrize("command", [("train",), ("certify", "jax.nn:relu", "--data", "digits")])
def test_a_folder_for_a_data_set_without_files_is_refused(run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*command, "--data-dir", tmp_path, width=400)
    assert result.exit_code == 2
    assert result.output == f"error: `data_dir`='{tmp_path}' is not used: digits come with scikit-learn; leave it out\n"
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name of a file is text")
def test_a_file_whose_name_is_no_text_is_written_and_told(tmp_path):
    program = "from minicnn.cli import main; main()"
    args = ["explore", "--no-open", "--out", b"\xff.html"]
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, cwd=tmp_path, env=strict, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\udcff.html" in done.stdout
    assert os.listdir(bytes(tmp_path)) == [b"\xff.html"]


def test_memory_that_the_compiler_asks_for_in_vain_is_one_line(run, monkeypatch):
    def explain(C):
        raise RuntimeError("INTERNAL: Out of memory allocating 99 bytes.")

    monkeypatch.setattr("minicnn.linalg.explain", explain)
    result = run("spectrum", width=200)
    assert (result.exit_code, result.output) == (2, "error: INTERNAL: Out of memory allocating 99 bytes.\n")


def test_the_spinner_makes_way_for_what_is_printed_and_comes_back(monkeypatch):
    screen = io.StringIO()
    spinner = Waiting(WithCursor(file=screen, force_terminal=True, width=40))
    monkeypatch.setattr(waiting_room, "waiting", spinner)
    with spinner.shown("reading"):
        assert "reading …" in screen.getvalue()
        printed = Terminal(file=(out := io.StringIO()))
        printed.print("a result")
        assert spinner.text == "reading"
        with printed.status("another display"):
            assert spinner.text is None
        assert out.getvalue().startswith("a result\n")
    assert spinner.text is None
    assert "\x1b[?25l" not in screen.getvalue()  # the cursor is never hidden


def test_where_there_is_no_terminal_nothing_is_shown():
    screen = io.StringIO()
    with Waiting(Console(file=screen)).shown("reading"):
        pass
    assert screen.getvalue() == ""


def test_a_terminal_sees_something_before_anything_is_loaded():
    main, terminal = pty.openpty()
    program = "import sys; sys.modules['minicnn.cli'] = None; from minicnn.__main__ import main; main()"
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", program], stderr=terminal, cwd=root) as process:
        os.close(terminal)
        assert os.read(main, 100).startswith(b"loading ...")
        process.wait()
    os.close(main)


def test_the_cases_and_rivals_of_the_benchmark_are_listed(run):
    result = run("bench", "--list", "LeNet-5 C", width=200)
    assert result.exit_code == 0
    assert result.output.splitlines()[:3] == ["convolution", "  LeNet-5 C1", "  LeNet-5 C3"]
    assert "lax" in result.output
