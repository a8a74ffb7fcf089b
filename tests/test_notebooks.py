"""The notebooks run from top to bottom, and stand in the repository without what they printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def read(path: Path) -> Any:
    import nbformat

    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_holds_no_output(path: Path) -> None:
    import nbformat

    book = read(path)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.services
def test_notebooks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one kernel, which forgets its names in between: the libraries take long to import."""
    import nbformat
    from nbclient import NotebookClient

    assert len(NOTEBOOKS) == 3
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    whole = read(NOTEBOOKS[0])
    whole.cells = [
        cell
        for path in NOTEBOOKS
        for cell in (*read(path).cells, nbformat.v4.new_code_cell("%reset -f"))
    ]
    NotebookClient(whole, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = [
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for cell in whole.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert any("macro_f1" in text and "deduplicated" in text for text in printed)
    assert any("hairpin" in text for text in printed)
    assert any("kmer" in text and "majority" in text for text in printed)
