"""Every file that the package opens is accounted for in SECURITY.md, and nothing that is read can run."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "minicnn").rglob("*.py"))
READERS = {
    "open",
    "safe_open",
    "read_text",
    "read_bytes",
    "fromfile",
    "load_file",
    "memmap",
    "imread",
    "loadtxt",
    "genfromtxt",
}
PARSERS = {"json.load", "json.loads", "schema.read", "tarfile.open", "gzip.open", "zipfile.ZipFile", "Image.open"}
# Opened to be written, to be locked or to be synchronised; or a web page, a run or a file of ours by that name.
WRITERS = {"os.open", "Run.open", "webbrowser.open"}
RUN = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "runpy"}


def name_of(call):
    """`np.fromfile` of `np.fromfile(path)`; of a method of a value that has no name, the method."""
    parts, function = [], call.func
    while isinstance(function, ast.Attribute):
        parts, function = [function.attr, *parts], function.value
    return ".".join([function.id, *parts] if isinstance(function, ast.Name) else parts)


def calls(module):
    return [(name_of(node), node) for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]


def reads(module):
    names = {name for name, _ in calls(module)} - WRITERS
    return {name for name in names if name in PARSERS or name.rsplit(".", 1)[-1] in READERS}


def test_every_module_that_reads_a_file_is_in_the_table_and_no_other():
    listed = set(re.findall(r"`(minicnn/\S+?\.py)`", (ROOT / "SECURITY.md").read_text()))
    assert {str(module.relative_to(ROOT)) for module in MODULES if reads(module)} == listed


def imports(module):
    tree = ast.walk(ast.parse(module.read_text()))
    named = [[name.name for name in node.names] for node in tree if isinstance(node, ast.Import)]
    tree = ast.walk(ast.parse(module.read_text()))
    named += [[node.module or ""] for node in tree if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for names in named for name in names}


def test_nothing_that_is_read_can_run():
    for module in MODULES:
        assert not imports(module) & RUN, module
        for name, call in calls(module):
            keywords = {keyword.arg for keyword in call.keywords}
            assert name not in ("eval", "exec"), module
            assert name not in ("np.load", "jnp.load", "numpy.load") or "allow_pickle" in keywords, module
            assert name != "Image.open" or "formats" in keywords, module
