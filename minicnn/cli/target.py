"""A person's own function or model: how it is named on the command line, and what it is applied to."""

import ast
import importlib
import importlib.util
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from minicnn.arguments import integer, numeric
from minicnn.cli.parsing import sizes

TARGET = (
    "package.module:name or net.py:name: a function of arrays; a model of flax, equinox, haiku or minicnn, or its "
    "class; or a function without arguments that makes one. Arguments may follow, as in flax.linen:Conv(8, (3, 3))."
)
Target = Annotated[str, typer.Argument(metavar="MODULE:NAME", help=TARGET)]
Shapes = Annotated[
    list[str] | None,
    typer.Option(
        "--shape",
        "--input",
        help="Of a model's input, all axes: 1,224,224,3 or 1x224x224x3. Once for each.",
    ),
]
Dtypes = Annotated[
    list[str] | None,
    typer.Option("--dtype", help="Of a model's inputs, one for all or each: int32 for tokens."),
]


def check_found(target: str) -> None:
    """Refuse a target that is none, or whose file or package is not there, before anything else is asked for.

    Raises:
        ValueError: naming it.
    """
    place, expression = _split(target)
    _parsed(expression)
    if place.endswith(".py"):
        _file(place)
        return
    _see_folder()
    package = place.partition(".")[0]
    if not package or (package not in sys.modules and importlib.util.find_spec(package) is None):
        raise ValueError(f"{place} cannot be imported: {_NOWHERE.format(package or place)}")


def load(target: str, key: Any) -> Any:
    """The function or the model that a target names. Its module is run, as Python runs what is imported.

    Args:
        target: module:name, where the module may be a file, and arguments may follow the name if they are literals.
        key: for the parameters of models whose classes ask for one.

    Raises:
        ValueError: if the target is not one, or nothing has this name.
        TypeError: if a class, or a function that makes a model, asks for more.

    >>> load("jax.nn:relu", jax.random.key(0))(-1.0)
    Array(0., dtype=float32, weak_type=True)
    """
    from minicnn.lift.models import made

    place, expression = _split(target)
    names, call = _parsed(expression)
    value = _module(place)
    for name in names:
        if not hasattr(value, name):
            raise ValueError(f"{place} has no {'.'.join(names)}: it has {', '.join(_public(value)) or 'nothing'}")
        value = getattr(value, name)
    if call is not None:
        value = _called(value, call, key)
    return made(value, key)


def inputs(shapes: Sequence[str] | None, dtypes: Sequence[str] | None, seed: int) -> list[Any]:
    """Drawn inputs: floats are normal, integers 0 or 1, which are positions in any table.

    Raises:
        ValueError: if there are none, a shape is not one, or the dtypes are not as many.
    """
    import jax.numpy as jnp
    import numpy as np

    from minicnn.forms.memory import check_room

    if not shapes:
        raise ValueError("give the shape of each input, such as --shape 1,28,28,1")
    dtypes = dtypes or ["float32"]
    if len(dtypes) not in (1, len(shapes)):
        raise ValueError(f"there are {len(dtypes)} of --dtype and {len(shapes)} of --shape: give one, or one for each")
    rng, found = np.random.default_rng(integer("seed", seed, 0)), []
    each = dtypes if len(dtypes) > 1 else [dtypes[0]] * len(shapes)
    for text, dtype in zip(shapes, each, strict=True):
        shape, known = shape_of(text), numeric("dtype", dtype)
        instead = "give a smaller --shape"
        # It is drawn as numbers of 8 bytes, and then converted.
        check_room(f"`shape`={text} has {math.prod(shape):,} numbers", math.prod(shape) * (8 + known.itemsize), instead)
        drawn = rng.standard_normal(shape) if jnp.issubdtype(known, jnp.inexact) else rng.integers(0, 2, shape)
        found.append(jnp.asarray(drawn, known))
    return found


def is_wide(dtypes: Sequence[str] | None) -> bool:
    """Whether inputs of these dtypes need 64 bits."""
    return any("64" in name or "128" in name for name in dtypes or ())


def shape_of(text: str) -> tuple[int, ...]:
    """The sizes of all axes, joined by commas or by x.

    >>> shape_of("1,28,28,1"), shape_of("8x8x3")
    ((1, 28, 28, 1), (8, 8, 3))
    """
    return sizes("shape", text.replace(",", "x"))


_NOWHERE = "there is no module {}; name one that is installed, or a file, as in net.py:build"


def _split(target: str) -> tuple[str, str]:
    place, colon, expression = target.partition(":")
    if not (place and colon and expression):
        raise ValueError(f"{target!r} must be module:name or file.py:name, such as net.py:build")
    return place, expression


def _see_folder() -> None:
    """Let Python find what is in the folder, as `python -m` does."""
    if "" not in sys.path:
        sys.path.insert(0, "")


def _file(place: str) -> Path:
    path = Path(place).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {place}")
    return path


def _module(place: str) -> Any:
    if not place.endswith(".py"):
        _see_folder()
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if not f"{place}.".startswith(f"{error.name}."):
                raise  # it is there, and something that it imports is not
            raise ValueError(f"{place} cannot be imported: {_NOWHERE.format(error.name)}") from error
    path = _file(place)
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Python finds what lies beside a file that it runs
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{place} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _parsed(expression: str) -> tuple[list[str], ast.Call | None]:
    """The dotted name, and the call that follows it."""
    wrong = ValueError(f"{expression!r} must be a name, which arguments may follow: build or MyLayer(8, (3, 3))")
    try:
        node = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise wrong from None
    call, names = None, []
    if isinstance(node, ast.Call):
        call, node = node, node.func
    while isinstance(node, ast.Attribute):
        names, node = [node.attr, *names], node.value
    if not isinstance(node, ast.Name):
        raise wrong
    return [node.id, *names], call


def _called(value: Any, call: ast.Call, key: Any) -> Any:
    """What a call with literal arguments gives; `key` and `rngs` need not be among them."""
    from functools import partial

    from minicnn.lift.models import made

    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
    except ValueError:
        raise ValueError(f"the arguments of {ast.unparse(call)} must be numbers, words and tuples of them") from None
    return made(partial(value, *positional, **named), key)


def _public(value: Any) -> list[str]:
    own = [name for name, item in vars(value).items() if name[0] != "_" and callable(item)]
    return own[:12]
