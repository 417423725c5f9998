"""How fast are products with Toeplitz matrices beside XLA's and PyTorch's convolutions?

python experiments/bench.py [words in the names of cases] measures all rivals that are installed, in turn, and writes
bench.json and bench.png into the working folder.
"""

import sys
from pathlib import Path

from rich.console import Console

from minicnn.bench import compare, find, report


def main(words: list[str]) -> None:
    console = Console(width=130)
    measured = [one for case in find(words) for one in compare(case)]
    console.print(report.table(measured))
    console.print(report.summary(measured))
    Path("bench.json").write_text(report.to_json(measured))
    report.picture(measured).savefig("bench.png", dpi=120)


if __name__ == "__main__":
    main(sys.argv[1:])
