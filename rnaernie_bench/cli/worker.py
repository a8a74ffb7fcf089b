"""What a launcher starts: a command that stops when its standard input ends."""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
import time

GRACE_S = 10.0
"""What the command gets to stop in."""


def main() -> int:
    """Execute the command that the arguments are, for as long as there is a launcher.

    Returns:
        The exit status of the command.
    """
    from rnaernie_bench.cli.main import main as run_command
    from rnaernie_bench.launchers.jobs import HIDDEN

    threading.Thread(target=_stop_with_input, name="life line", daemon=True).start()
    return run_command([*sys.argv[1:], *json.loads(os.environ.pop(HIDDEN, "[]"))])


def _stop_with_input() -> None:
    """Wait for the input to end; then interrupt the command, and in the end leave it no choice."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    _thread.interrupt_main()
    time.sleep(GRACE_S)
    os._exit(2)


if __name__ == "__main__":
    sys.exit(main())
