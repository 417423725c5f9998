"""Which extra brings the libraries of a part: the core needs jax, numpy, jaxtyping and optax, and what those bring.

A part that needs more asks for it at its door, so that who lacks it is told the one command that installs it.
"""

from importlib.util import find_spec

# The extra that brings a library, under the name that it is imported by.
BROUGHT_BY = {
    "matplotlib": "draw",
    "PIL": "draw",
    "rich": "draw",
    "safetensors": "draw",
    "filelock": "train",
    "pooch": "train",
    "pydantic": "train",
    "sklearn": "train",
    "typer": "cli",
    "lineax": "linalg",
}
# The extras that one brings besides its own libraries.
BRINGS = {"train": ("draw",), "cli": ("draw", "train")}


def require(extra: str, part: str) -> None:
    """Check that the libraries of an extra are installed.

    Args:
        extra: its name in pyproject.toml.
        part: what needs it, as its users call it.

    Raises:
        ModuleNotFoundError: naming what is missing and the command that installs it.

    >>> require("draw", "minicnn.draw")
    """
    extras = (extra, *BRINGS.get(extra, ()))
    missing = [name for name, brought_by in BROUGHT_BY.items() if brought_by in extras and find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(f"{part} needs {', '.join(missing)}: pip install 'minicnn[{extra}]'", name=missing[0])
