"""Everything worth knowing of a device that is at hand for a few minutes: one command, one JSON file.

    python -m minicnn.bench.device report.json

It runs the tests of forms and certificates on the device, then the benchmark against `jax.lax` (cuDNN on a GPU) with
short products allowed (TF32) and without, then the forms of every convolution beside each other. Programs are compiled
in threads and timed one by one. The file is written anew after every step, so that a lease that ends early loses
nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from minicnn.bench.auto_choice import RESULTS, compiled, product_geometry
from minicnn.bench.cases import CASES, Case, find
from minicnn.bench.machine import made_with
from minicnn.bench.measure import in_turn
from minicnn.bench.rivals import RIVALS, Programs
from minicnn.disk import write_whole
from minicnn.forms import Tiles
from minicnn.forms.choice import choices
from minicnn.forms.form import Costed

TESTS = ("tests/forms", "tests/functional", "tests/identities", "tests/maps")
_PARTS = ("tests", "cases", "forms")
PRECISIONS = ("tensorfloat32", "float32")
T = TypeVar("T")
_THREADS = 8  # programs compiled at once: more did not compile faster, for the device measures kernels in turn
_PROCESSES = min(os.cpu_count() or 8, 16)  # test files at once: each holds a context on the device, of about 0.5 GB
_VERDICTS = ("PASSED", "FAILED", "ERROR", "SKIPPED")
_TILES = (1, 2, 4, 8, 16)  # outputs of the tiles that are compared, per axis
_HOPELESS = 100  # predicted cost over the least above which a form is left out: one tile of 56² images took 160 GB


@dataclass
class Report:
    """What is known so far, in a file.

    Attributes:
        file: where it is written.
        deadline: the time of `time.monotonic` after which nothing new is begun.
        found: the parts that are done.
    """

    file: Path
    deadline: float
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.deadline - time.monotonic()

    def add(self, part: str, row: Any) -> None:
        """Write one more row of a part."""
        self.found.setdefault(part, []).append(row)
        write_whole(self.file, json.dumps(self.found, indent=1))


def run_tests(report: Report, seconds: float) -> None:
    """Run each file of tests in a process of its own, several at once, for at most so many seconds.

    A compiler that aborts ends one file only, and the log tells in which test. Products are exact to float32 here, for
    the tests' bounds are those of the type.
    """
    end = time.monotonic() + seconds
    files = sorted(str(file) for folder in TESTS for file in Path(folder).glob("test_*.py"))
    log = report.file.with_suffix(".tests.txt")
    with ThreadPoolExecutor(_PROCESSES) as pool:
        for file, ended, output in pool.map(partial(_test, end), files):
            words = [line.split() for line in output.splitlines() if "::" in line]
            names = {word: [line[0] for line in words if word in line[1:2]] for word in _VERDICTS}
            row: dict[str, Any] = {word.lower(): len(many) for word, many in names.items()}
            report.add("tests", {"file": file, "exit": ended} | row | {"failures": names["FAILED"] + names["ERROR"]})
            with log.open("a") as text:
                text.write(f"{file} ended with {ended}\n{'' if ended == 0 else output}\n")


def _test(end: float, file: str) -> tuple[str, int | None, str]:
    options = ("-o", "addopts=--import-mode=importlib", "-o", "filterwarnings=default", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *options, "-v", "--tb=short", "-m", "not long", file]
    environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}
    # as users compile: the tests do not by themselves
    environment["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=3".strip()
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, env=environment, **streams)
    try:
        output, _ = process.communicate(timeout=max(end - time.monotonic(), 0.1))
        return file, process.returncode, output
    except subprocess.TimeoutExpired:
        process.kill()
        return file, None, process.communicate()[0]


def measure_cases(report: Report, cases: Iterable[Case]) -> None:
    """Measure ours and lax's programs of every case in turn, at each precision of products."""
    for (precision, case), made in _ahead(lambda pair: _rivals(*pair), product(PRECISIONS, cases), report):
        programs = made.result()
        times = in_turn({name: each.step for name, each in programs.items()}, seconds=0.3)
        forwards = {name: each.forward for name, each in programs.items() if each.forward is not None}
        forward = in_turn(forwards, seconds=0.1)
        step = {name: float(np.median(times[name])) / programs[name].steps for name in programs}
        report.add(
            "cases",
            {
                "case": case.name,
                "precision": precision,
                "step ms": step,
                "forward ms": {name: float(np.median(many)) for name, many in forward.items()},
                "compile s": {name: each.compile_seconds for name, each in programs.items()},
                "temporary bytes": {name: each.temporary_bytes for name, each in programs.items()},
                "lax ÷ minicnn": step["lax"] / step["minicnn"],
            },
        )


def measure_forms(report: Report, cases: Iterable[Case], precision: str) -> None:
    """Measure the forms of every convolution's three products in turn, at one precision."""
    wanted = [
        (case, result)
        for case in cases
        if case.operation in ("conv", "conv_transpose") and not case.mapped and case.dtype == "float32"
        for result in RESULTS
    ]
    for (case, result), made in _ahead(lambda pair: _forms(*pair, precision), wanted, report):
        times = in_turn(made.result(), seconds=0.05)
        medians = {name: float(np.median(many)) for name, many in times.items()}
        report.add("forms", {"case": case.name, "product": result, "precision": precision, "ms": medians})


def _ahead(make: Callable[[T], Any], items: Iterable[T], report: Report) -> Iterator[tuple[T, Future[Any]]]:
    """Each item with what is made of it; the next ones are made in threads meanwhile."""
    left = iter(items)
    with ThreadPoolExecutor(_THREADS) as pool:
        begun = [(item, pool.submit(make, item)) for item in islice(left, _THREADS)]
        while begun and report.left > 0:
            item, made = begun.pop(0)
            begun += [(after, pool.submit(make, after)) for after in islice(left, 1)]
            try:
                made.result(timeout=report.left)
            except Exception as error:  # one case that fails must not lose the others
                report.add("failures", {"what": repr(item), "error": f"{type(error).__name__}: {error}"[:500]})
                continue
            yield item, made
        pool.shutdown(wait=False, cancel_futures=True)


def _rivals(precision: str, case: Case) -> dict[str, Programs]:
    names = ("minicnn", "lax", *(("minicnn in scan", "lax in scan") if case.network else ()))
    with jax.enable_x64(case.dtype == "float64"), jax.default_matmul_precision(precision):
        made = {name: RIVALS[name](case) for name in names}
        programs = {name: each for name, each in made.items() if each is not None}
        for each in programs.values():
            each.forward() if each.forward is not None else None
        return programs


def _forms(case: Case, result: str, precision: str) -> dict[str, Callable[[], Any]]:
    geometry = product_geometry(case, result)
    cost = lambda form: form.cost(geometry, case.batch).total
    several: list[Costed] = [*choices(geometry), *(Tiles((size,) * case.rank) for size in _TILES)]
    with jax.default_matmul_precision(precision):
        return compiled(case, result, [form for form in several if cost(form) <= _HOPELESS * min(map(cost, several))])


def main() -> None:
    """Run every part, the shares of the time being fixed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="where the report is written")
    parser.add_argument("--seconds", type=float, default=450, help="about how long to take in all")
    parser.add_argument("--only", nargs="*", default=[], help="words in the names of cases; all without")
    parser.add_argument("--parts", nargs="*", default=list(_PARTS), choices=_PARTS, help="what is done, all without")
    given = parser.parse_args()
    report = Report(given.file, time.monotonic() + given.seconds)
    report.add("made with", made_with())
    cases = find(given.only) if given.only else CASES
    parts: dict[str, Callable[[], None]] = {
        "tests": lambda: run_tests(report, given.seconds / len(given.parts)),
        "cases": lambda: measure_cases(report, cases),
        "forms": lambda: measure_forms(report, cases, PRECISIONS[0]),
    }
    for part in given.parts:
        parts[part]()
    for row in report.found.get("cases", []):
        print(f"{row['case']:28} {row['precision']:14} lax ÷ minicnn {row['lax ÷ minicnn']:.2f}")
    os._exit(0)  # compilations that are still under way in threads are not waited for


if __name__ == "__main__":
    main()
