"""The command `minicnn`, also `python -m minicnn`, while its libraries load: a second in which people press Ctrl-C.

Until `main` begins, Ctrl-C is a traceback. So nothing is imported here that Python has not loaded by then.
"""

import os
import sys

TYPE_CHECKING = False  # as in the package itself
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import NoReturn
else:
    import _signal as signal  # what `signal` adds are names of its numbers, for which it imports enum

_TERMINAL = os.isatty(2)
_ERASE = b"\x1b[K"  # erases what a terminal shows from the cursor to the end of its line


def main() -> None:
    """Load the command line and hand over to it."""
    signums = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) is not signal.SIG_IGN]
    if _TERMINAL:
        os.write(2, b"loading ...\r")
    before = {signum: signal.signal(signum, _leave) for signum in signums}
    try:
        from minicnn.cli import main as command
        from minicnn.interruption import keep_interrupts
    except ModuleNotFoundError as missing:
        sys.exit(f"error: {missing}")

    # From here on Ctrl-C is an exception. SIGTERM has none, so it ends the process until a command knows better.
    keep_interrupts()
    signal.signal(signal.SIGINT, before.get(signal.SIGINT, signal.SIG_IGN))
    if _TERMINAL:
        os.write(2, _ERASE)
    command()


def _leave(signum: int, frame: "FrameType | None") -> "NoReturn":
    """Leave with one line; an exception would come out of some import as another error, or not at all."""
    os.write(2, (_ERASE if _TERMINAL else b"") + b"stopped\n")
    os._exit(128 + signum)


if __name__ == "__main__":
    main()
