"""Write what README and cards say of results: `python -m benchmarks.result_pages`.

Between the marks `<!-- results:begin TASK -->` and `<!-- results:end -->` of a page stands what
`rnaernie-bench leaderboard --format front --task TASK` says; of all tasks where none is named.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from rnaernie_bench.cli.main import main

ROOT = Path(__file__).parents[1]
MARKED = re.compile(r"(?s)(<!-- results:begin ?(\w*) -->\n).*?(<!-- results:end -->)")


def pages() -> list[Path]:
    """Return README, documents and cards."""
    return [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("tasks/*/README.md")]


def said(task: str) -> str:
    """Return what the records say of a task, or of all."""
    chosen = ["--task", task] if task else []
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main(["leaderboard", "--format", "front", "--results-dir", str(ROOT / "results"), *chosen])
    return text.getvalue()


def filled(text: str) -> str:
    """Return a page with what the records say between its marks."""
    return MARKED.sub(lambda mark: f"{mark[1]}{said(mark[2])}{mark[3]}", text)


if __name__ == "__main__":
    for page in pages():
        former = page.read_text(encoding="utf-8")
        if (now := filled(former)) != former:
            page.write_text(now, encoding="utf-8", newline="\n")
