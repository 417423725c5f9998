"""Modules of JavaScript as one script.

Every module becomes a function that is called once and returns what it exports, so that names stay where they belong.
The result depends on the modules alone.
"""

import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:class|const|function\*?|async function) (\w+)", re.MULTILINE)


def bundle(folder: Traversable, start: str) -> str:
    """Join a module and all that it imports, each behind those that it imports itself.

    Args:
        folder: where the modules are.
        start: the name of the module that is run, without ".js".

    Raises:
        ValueError: if modules import each other in a circle.
    """
    return "\n".join(_as_function(name, _source(folder, name)) for name in _ordered(folder, start, ()))


def _source(folder: Traversable, name: str) -> str:
    return (folder / f"{name}.js").read_text(encoding="utf-8")


def _ordered(folder: Traversable, name: str, importers: tuple[str, ...]) -> list[str]:
    """List a module behind everything that it imports, each once."""
    if name in importers:
        raise ValueError(f"{' imports '.join((*importers, name))}: modules must not import each other in a circle")
    before = (_ordered(folder, found[2], (*importers, name)) for found in _IMPORT.finditer(_source(folder, name)))
    return list(dict.fromkeys([*(module for modules in before for module in modules), name]))


def _as_function(name: str, source: str) -> str:
    body = _IMPORT.sub(lambda found: f"const {{ {_renamed(found[1])} }} = {found[2]}_js;", source)
    exports = ", ".join(_EXPORT.findall(source))
    body = re.sub(r"^export ", "", body, flags=re.MULTILINE)
    lines = (f"const {name}_js = (() => {{", *_without_comments(body), f"return {{ {exports} }};", "})();")
    return "\n".join(lines)


def _renamed(names: str) -> str:
    """Write `a as b` as taking an object apart does: `a: b`."""
    return ", ".join(name.strip().replace(" as ", ": ") for name in names.split(",") if name.strip())


def _without_comments(source: str) -> Iterator[str]:
    """Leave out lines that are comments alone: types and explanations are for those who read the modules."""
    inside = False
    for line in source.splitlines():
        text = line.strip()
        comment = inside or text.startswith(("/*", "//"))
        if text.startswith("/*") or inside:
            inside = "*/" not in text
            if not inside and not text.endswith("*/"):
                comment = False
        if text and not comment:
            yield line
