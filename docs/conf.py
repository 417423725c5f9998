"""How the documentation is built; `make docs` builds it."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
from jax.typing import DTypeLike
from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.docstrings import prepare_docstring
from sphinx.util.typing import stringify_annotation

import minicnn
from minicnn.axis import AxisPadding, PaddingWord
from minicnn.draw.gallery import chosen, make
from minicnn.explore import write_page
from minicnn.forms.resolve import Padding
from minicnn.primitive import ArrayLike

sys.path.insert(0, str(Path(__file__).parent))
import cheat_sheet
import notebooks
import slides

os.environ["MATPLOTLIBRC"] = str(Path(__file__).parent / "matplotlibrc")
os.environ |= {"JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}  # what XLA logs is no part of a lesson

project = "minicnn"
author = "The minicnn authors"
release = minicnn.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_design", "sphinx-mathjax-offline"]
exclude_patterns = ["_build"]
default_role = "code"

html_theme = "sphinx_book_theme"
html_title = "minicnn"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["minicnn.css"]
html_js_files = ["offline_search.js", "figures.js"]
html_copy_source = False
html_context = {"default_mode": "auto"}  # light or dark as the system has it
html_domain_indices = False
html_show_sphinx = False
html_theme_options = {"use_download_button": False, "show_toc_level": 2, "navbar_persistent": []}

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "error"
nb_merge_streams = True
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"

autodoc_default_options = {"members": True}
toc_object_entries_show_parents = "hide"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# only names of public modules can be found here
nitpick_ignore_regex = [
    ("py:.*", r"(?!minicnn).*"),
    ("py:.*", r"minicnn\.\w+\.\w+\..*"),
    ("py:.*", r"minicnn\.primitive\..*"),
]

PUBLIC = (
    *("minicnn.autodiff", "minicnn.compat", "minicnn.data", "minicnn.draw", "minicnn.forms", "minicnn.identities"),
    *("minicnn.linalg", "minicnn.maps", "minicnn.nn", "minicnn.nn.initializers", "minicnn.nn.losses", "minicnn.ops"),
    *("minicnn.train", "minicnn.zoo", "minicnn"),
)
ALIASES = {
    "ArrayLike": ArrayLike,
    "Padding": Padding,
    "AxisPadding": AxisPadding,
    "PaddingWord": PaddingWord,
    "PrecisionLike": jax.lax.PrecisionLike,
    "DTypeLike": DTypeLike,
}


def setup(app: Sphinx) -> None:
    """Name public things by their public module, and write types and shapes as the source does."""
    for module in map(import_module, PUBLIC):
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if isinstance(value, type) or callable(value):
                value.__module__ = module.__name__
    app.connect("builder-inited", _write_explorer)
    app.connect("builder-inited", _write_notebooks)
    app.connect("builder-inited", _write_animations)
    app.connect("builder-inited", _write_handouts)
    app.connect("source-read", _add)
    app.connect("autodoc-process-docstring", _describe_property)  # after napoleon, whose work it does again
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-process-docstring", _escape)


def _write_explorer(app: Sphinx) -> None:
    """The explorer, to which the pages link at their settings."""
    folder = Path(app.outdir) / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    write_page(folder / "explorer.html")


def _write_notebooks(app: Sphinx) -> None:
    """Lessons and sheets as notebooks, each of which its page offers for download."""
    for folder in notebooks.FOLDERS:
        notebooks.write(Path(app.srcdir) / folder, Path(app.outdir) / "_static" / "notebooks")


def _write_animations(app: Sphinx) -> None:
    """The animations that the page of commands shows, as `minicnn gallery` makes them."""
    folder = Path(app.outdir) / "_static" / "animations"
    folder.mkdir(parents=True, exist_ok=True)
    shown = re.findall(r"animations/(\w+)\.gif", (Path(app.srcdir) / "commands.md").read_text())
    with mpl.rc_context({"figure.constrained_layout.use": False}):  # these figures place their parts themselves
        for published in chosen(shown):
            if not (folder / f"{published.name}.gif").exists():
                make(published, folder)


def _write_handouts(app: Sphinx) -> None:
    """The page to print and the slides."""
    cheat_sheet.write(Path(app.outdir) / "_static")
    slides.write(Path(app.outdir) / "_static")


def _add(app: Sphinx, page: str, source: list[str]) -> None:
    """Add to a lesson or sheet the link to its notebook, and to the reference's first page a line for each name."""
    if page == "api/index":
        source[0] += "\n".join(map(_names, PUBLIC))
    elif page.partition("/")[0] in notebooks.FOLDERS and "{code-cell}" in source[0]:
        file = f"../_static/notebooks/{page.partition('/')[2]}.ipynb"
        link = f'Download <a href="{file}" download>this page as a notebook</a>.'
        source[0] = re.sub(r"^(# .*)$", rf"\1\n\n{link}", source[0], count=1, flags=re.MULTILINE)


def _names(module: str) -> str:
    """A section of the index: every public name of a module with the first sentence of its description."""
    names = sorted(_exported(module), key=str.lower)
    lines = [f":py:obj:`~{module}.{name}` {_summary(getattr(import_module(module), name))}\n" for name in names]
    return "\n".join([f"\n## {module}\n", "```{eval-rst}", *lines, "```"])


def _exported(module: str) -> list[str]:
    value = import_module(module)
    own = [name for name, item in vars(value).items() if getattr(item, "__module__", "") == module and name[0] != "_"]
    return [name for name in getattr(value, "__all__", own) if not hasattr(getattr(value, name), "__path__")]


def _summary(value: Any) -> str:
    """The first line of what is said of a value, where that is not what is said of its type."""
    said = value.__doc__ if isinstance(value, type) or callable(value) else ""
    lines = [(said or "").strip().partition("\n")[0]]
    _escape(None, "", "", value, None, lines)  # pyright: ignore
    return lines[0]


def _describe_property(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """A property is described like a method: napoleon takes what stands before a colon for its type."""
    if what == "property":
        written = prepare_docstring(value.__doc__ or "")
        lines[:] = GoogleDocstring(written, app.config, app, "method", name, value, options).lines()


def _shorten(app: Sphinx, what: str, name: str, value: Any, options: Any, signature: str, returns: str) -> Any:
    """Type aliases by name."""
    return tuple(_by_name(text) if text else text for text in (signature, returns))


def _by_name(text: str) -> str:
    for name, alias in ALIASES.items():
        text = text.replace(stringify_annotation(alias, "smart"), name)
    return re.sub(r"<function .*init>", "...", text.replace("jaxlib._jax.Array", "Array"))


def _escape(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Shapes such as (*batch, c) are no emphasis, |x| is no substitution, and `name`s has an end."""
    example = False
    for n, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            ended = re.sub(r"(`[^`]+`)(?=\w)", r"\1\\ ", line)
            parts = re.split(r"(`[^`]*`|\*[^\s*][^*]*[^\s*(,]\*(?!\w))", ended)
            lines[n] = "".join(p if i % 2 else re.sub(r"(?<!\\)([*|])", r"\\\1", p) for i, p in enumerate(parts))
