from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from rnaernie_bench import api
from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import BenchError, ResultError
from rnaernie_bench.results.record import validate_record
from rnaernie_bench.runs.export import export_to_hub
from rnaernie_bench.testing import MOCK_TASKS, try_out

SECRET = "hf_abcdefghijklmnop"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that passes for one on real data."""
    folder: Path = try_out(tmp_path_factory.mktemp("export")).folder
    record = json.loads((folder / "record.json").read_text())
    record["dataset"]["simulated"] = False
    validate_record(record)
    (folder / "record.json").write_text(json.dumps(record))
    return folder


class Hub:
    """Stands in for the hub: keeps what is uploaded."""

    uploads: dict[str, dict[str, str]]
    private: list[bool]

    def __init__(self) -> None:
        self.uploads, self.private = {}, []

    def create_repo(self, name: str, *, private: bool, exist_ok: bool) -> None:
        if name == "taken":
            raise OSError(f"403 Forbidden for {SECRET}\nRequest headers: Bearer {SECRET}")
        assert exist_ok
        self.private.append(private)

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> Any:
        files = (path for path in folder_path.rglob("*") if path.suffix in (".md", ".json"))
        self.uploads[repo_id] = {path.name: path.read_text() for path in files}
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    return hub


def test_a_folder_for_others(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["export", str(run), "--to", "mine", "--task-path", str(MOCK_TASKS)]
    assert main(command) == 0
    assert capsys.readouterr().out == "written: mine\n"
    names = {path.name for path in Path("mine").iterdir()}
    assert not {"config.yaml", "predictions.parquet"} & names
    sequences = ["GGGCUUCGGCCC", "ACGUACGUUU"]
    assert api.predict("mine", sequences) == api.predict(run, sequences)
    texts = [path.read_text() for path in Path("mine").glob("*.[jm][sd]*")]
    assert len(texts) > 4
    assert not any(str(tmp_path) in text or str(run.parents[2]) in text for text in texts)
    assert main(command) == 2
    assert "it contains files already" in capsys.readouterr().err


def test_the_card(run: Path, hub: Hub) -> None:
    address = export_to_hub(run, "me/mine", private=True, task_path=[MOCK_TASKS])
    assert address == "https://hub/me/mine/commit/1"
    assert hub.private == [True]
    _, matter, card = hub.uploads["me/mine"]["README.md"].split("---\n", 2)
    values = yaml.safe_load(matter)
    assert (values["license"], values["library_name"]) == ("agpl-3.0", "multimolecule")
    [result] = values["model-index"][0]["results"]
    record = json.loads(hub.uploads["me/mine"]["record.json"])
    accuracy = record["tests"]["test"]["metrics"]["accuracy"]["value"]
    assert {"type": "accuracy", "value": round(accuracy, 4)} in result["metrics"]
    assert 'AutoModelForSequencePrediction.from_pretrained("me/mine")' in card
    assert "rnaernie-bench predict me/mine in.fa" in card


def test_a_refusal_shows_no_token(run: Path, hub: Hub) -> None:
    with pytest.raises(ResultError) as caught:
        export_to_hub(run, "taken", task_path=[MOCK_TASKS])
    assert "the hub refuses: 403 Forbidden for hf_..." in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_what_is_not_exported(run: Path, hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no task is called 'mock_cls'"):
        export_to_hub(run, "me/mine")
    simulated = tmp_path / "run"
    simulated.mkdir()
    text = (run / "record.json").read_text().replace('"simulated": false', '"simulated": true')
    (simulated / "record.json").write_text(text)
    with pytest.raises(ResultError, match="simulated data is of no use"):
        export_to_hub(simulated, "me/mine")
    assert hub.uploads == {}
