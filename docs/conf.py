"""How the documentation is built; `make docs` builds it."""

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
from jax.typing import DTypeLike
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

import minicnn
from minicnn.axis import AxisPadding, PaddingWord
from minicnn.explore import write_page
from minicnn.forms.resolve import Padding
from minicnn.primitive import ArrayLike

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
html_css_files = ["minicnn.css"]
html_copy_source = False
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
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-process-docstring", _escape)


def _write_explorer(app: Sphinx) -> None:
    """The explorer, to which the pages link at their settings."""
    folder = Path(app.outdir) / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    write_page(folder / "explorer.html")


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
