"""The pages of the documentation: for each experiment its question, method, verdicts, tables and figures."""

import json
import shutil
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from experiments.frame import Experiment


def write(experiments: Sequence[Experiment], results: Path, folder: Path) -> None:
    """Write one page for each experiment, and an index of them; what has not been run yet is run at its small size."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for experiment in experiments:
        recorded = results / experiment.name
        if not (recorded / "result.json").exists():
            experiment.run("small").write(recorded)
        facts = json.loads((recorded / "result.json").read_text())
        stem = experiment.name.replace("/", "-")
        for picture in facts["pictures"]:
            shutil.copy(recorded / f"{picture['name']}-page.png", folder / f"{stem}-{picture['name']}.png")
        (folder / f"{stem}.md").write_text(_page(experiment, stem, facts))
    (folder / "index.md").write_text(_index(experiments))


def _page(experiment: Experiment, stem: str, facts: dict[str, Any]) -> str:
    verdicts = [
        (claim["what"], claim["found"], claim["expected"], claim["source"], "holds" if claim["holds"] else "**fails**")
        for claim in facts["claims"]
    ]
    parts = [f"# {experiment.question}", experiment.method]
    parts += [f"![{picture['caption']}]({stem}-{picture['name']}.png)" for picture in facts["pictures"]]
    parts += [_table(("claim", "found", "expected", "source", "verdict"), verdicts)]
    parts += [f"## {table['title']}\n\n{_table(table['columns'], table['rows'])}" for table in facts["tables"]]
    command = f"python -m experiments {experiment.name}"
    parts += [f"`{command}` runs it again ({facts['seconds']} s of processor time); `--full` takes longer."]
    return "\n\n".join(part for part in parts if part) + "\n"


def _index(experiments: Sequence[Experiment]) -> str:
    lines = ["# Experiments", "Each page asks one question, and says of each claim whether it was found to hold."]
    for group, members in groupby(sorted(experiments, key=lambda e: e.name), lambda e: e.name.partition("/")[0]):
        stems = "\n".join(experiment.name.replace("/", "-") for experiment in members)
        lines.append(f"```{{toctree}}\n:caption: {group.capitalize()}\n:maxdepth: 1\n{stems}\n```")
    return "\n\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    escaped = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    lines = [list(columns), ["---"] * len(columns), *escaped]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
