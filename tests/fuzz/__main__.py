"""`python -m tests.fuzz`: hostile inputs and kills from a seed, and what was dealt with wrongly."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    """Try inputs and kills, and print what was wrong.

    Returns:
        0 if nothing was.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only", nargs="*", help="kinds of input and names of commands")
    arguments = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", MLFLOW_DISABLE_TELEMETRY="true")
    import torch

    torch.set_num_threads(1)
    from tests.fuzz.trials import fuzz

    begun = time.process_time()
    with tempfile.TemporaryDirectory(prefix="rnaernie-bench-fuzz-") as folder:
        found = fuzz(
            Path(folder), arguments.inputs, arguments.kills, arguments.seed, say, arguments.only
        )
    spent = time.process_time() - begun + sum(os.times()[2:4])
    say(
        f"seed {arguments.seed}: {found.inputs} inputs, {found.kills} kills, "
        f"{len(found.faults)} faults, {spent / 60:.1f} minutes of processor time"
    )
    return 1 if found.faults else 0


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
