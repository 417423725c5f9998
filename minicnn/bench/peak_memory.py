"""How much memory a step takes: the peak of a fresh process, above what it holds before."""

import json
import subprocess
import sys
from pathlib import Path


def peak_bytes(case: str, rival: str) -> int | None:
    """Measure the peak of one forward and backward pass in a process of its own, besides its operands.

    Args:
        case: name of a case.
        rival: name in `RIVALS`.

    Returns:
        Bytes, or None where the rival lacks the case or the system (not Linux) does not tell.
    """
    command = [sys.executable, "-c", f"from {__name__} import print_peak; print_peak({case!r}, {rival!r})"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def print_peak(name: str, rival: str) -> None:
    """Print the peak; this is what the process of its own does."""
    import jax

    from minicnn.bench.cases import CASES
    from minicnn.bench.rivals import RIVALS

    (case,) = (case for case in CASES if case.name == name)
    with jax.enable_x64(case.dtype == "float64"):
        program = RIVALS[rival](case)
        if program is None:
            raise SystemExit(1)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _status("VmRSS")
        program.step()
        print(_status("VmHWM") - before)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])
