"""`rnaernie-bench completion`: what bash makes of the script, and that all shells get all words."""

from __future__ import annotations

import subprocess

import pytest

from rnaernie_bench.cli.completion import SHELLS
from rnaernie_bench.cli.main import COMMANDS, main
from rnaernie_bench.task.catalogue import BACKBONES

ASK = """
ask() {{
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _rnaernie_bench_settings 2> /dev/null
  echo "${{COMPREPLY[*]}}"
}}
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_what_can_be_chosen(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    words = [*COMMANDS, *BACKBONES, "ncrna_cls", "task=sirna", "trainer.max_epochs=", "seed="]
    assert [word for word in words if word not in script] == []
    if shell != "bash":
        return
    expected = {
        "stra": "strategies",
        "tasks show ncrna_c": "ncrna_cls",
        "backbones show kmer-": "kmer-states",
        "run task=ncrna_cls backbone=kmer-": "backbone=kmer-states",
        "run trainer.max_ep": "trainer.max_epochs=",
        "pretrain corpus=rfam": "corpus=rfam_seed",
        "run --lev": "--level",
    }
    asked = "".join(f"ask rnaernie-bench {line}\n" for line in expected)
    done = subprocess.run(
        ["bash", "--norc"], input=script + ASK.format() + asked, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == list(expected.values())
