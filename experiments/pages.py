"""The pages of the documentation: for each experiment its question, method, figures, verdicts, tables, what to try."""

import inspect
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from experiments import errors, rows
from experiments.frame import Experiment, recorded, shown


def write(experiments: Sequence[Experiment], results: Path, folder: Path) -> None:
    """Write a page for each experiment, one of the errors in the sources, and an index.

    An experiment whose last run was a small one, or was before its module changed, is run again first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for experiment in experiments:
        record = results / experiment.name
        if not _is_current(experiment, record):
            experiment.run().write(record)
        facts = recorded(record) or {}
        for picture in facts["pictures"]:
            shutil.copy(record / f"{picture['name']}-page.png", folder / f"{_stem(experiment)}-{picture['name']}.png")
        for film in facts.get("films", ()):
            shutil.copy(record / f"{film['name']}.gif", folder / f"{_stem(experiment)}-{film['name']}.gif")
        (folder / f"{_stem(experiment)}.md").write_text(_page(experiment, facts))
    (folder / "errors.md").write_text(_errors(experiments, results))
    (folder / "index.md").write_text(_index(experiments))


def _is_current(experiment: Experiment, record: Path) -> bool:
    facts, source = recorded(record), Path(inspect.getfile(experiment.module))
    if facts is None or facts["size"] not in ("usual", "full"):
        return False
    return (record / "result.json").stat().st_mtime >= source.stat().st_mtime


def _stem(experiment: Experiment) -> str:
    return experiment.name.replace("/", "-")


def _page(experiment: Experiment, facts: dict[str, Any]) -> str:
    verdicts = [
        (claim["what"], claim["found"], claim["expected"], claim["source"], "holds" if claim["holds"] else "**fails**")
        for claim in facts["claims"]
    ]
    answered = "; ".join(rows.TITLES[row] for row in experiment.rows)
    parts = [f"# {experiment.question}", experiment.method, f"It is about: {answered}." if answered else ""]
    parts += [f"![{picture['caption']}]({_stem(experiment)}-{picture['name']}.png)" for picture in facts["pictures"]]
    parts += [f"![{film['caption']}]({_stem(experiment)}-{film['name']}.gif)" for film in facts.get("films", ())]
    parts += ["## Claims", _table(("claim", "found", "expected", "source", "verdict"), verdicts)]
    parts += [f"## {table['title']}\n\n{_table(table['columns'], table['rows'])}" for table in facts["tables"]]
    parts += ["## What to try", *_tries(experiment, facts["seconds"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tries(experiment: Experiment, seconds: float) -> Iterator[str]:
    """What can be changed: the arguments of `run`, in the words of its docstring."""
    command = f"python -m experiments {experiment.name}"
    yield f"`{command}` runs it again, in {shown(float(seconds))} s of processor time, and writes its figures."
    run = experiment.module.run
    changes = [
        f"- `--set {name}={parameter.default}`: {_told(run, name)}"
        for name, parameter in inspect.signature(run).parameters.items()
    ]
    if changes:
        yield "Give it another value of\n\n" + "\n".join(changes)
    if full := experiment.sizes["full"]:
        yield f"`{command} --full` takes longer: {', '.join(f'`{name}={value!r}`' for name, value in full.items())}."


def _told(run: Callable[..., Any], name: str) -> str:
    """What the docstring says of an argument."""
    found = re.search(rf"^ +{name}: (.+(?:\n {{8,}}.+)*)", inspect.getdoc(run) or "", re.MULTILINE)
    return " ".join(found[1].split()) if found else "another value."


def _errors(experiments: Sequence[Experiment], results: Path) -> str:
    records = {experiment.name: recorded(results / experiment.name) for experiment in experiments}
    question, _, method = (errors.__doc__ or "").partition("\n")
    cells = _table(("source", "says", "but", "shown by", "found"), list(errors.lines(records, _link)))
    return f"# {question}\n\n{method.strip()}\n\n{cells}\n"


def _link(name: str) -> str:
    return f"[{name}]({name.replace('/', '-')}.md)"


def _index(experiments: Sequence[Experiment]) -> str:
    lines = [
        "# Experiments",
        "Each page asks one question, and says of each claim whether it was found to hold. `python -m experiments` "
        "lists them, `python -m experiments signals/dice` runs one, and `--rows` says what demonstrates each of the "
        f"{len(rows.TITLES)} systems that the sources describe.",
    ]
    for group, members in groupby(sorted(experiments, key=lambda e: e.name), lambda e: e.name.partition("/")[0]):
        stems = "\n".join(map(_stem, members))
        title, _, about = (import_module(f"experiments.{group}").__doc__ or "").partition("\n")[0].partition(": ")
        lines.append(f"## {title}\n\n{about[0].upper()}{about[1:]}\n\n```{{toctree}}\n:maxdepth: 1\n{stems}\n```")
    lines.append("## Sources\n\n```{toctree}\n:maxdepth: 1\nerrors\n```")
    return "\n\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(columns), ["---"] * len(columns), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(cell: Any) -> str:
    """Signs that Markdown would read as its own, except where a cell is strong or a link."""
    text = str(cell)
    return (
        text if text.startswith(("**", "[")) and text.endswith(("**", ".md)")) else re.sub(r"([|$<]|\*)", r"\\\1", text)
    )
