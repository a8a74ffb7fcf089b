"""A finished run for others: model, card and record in a folder, or in a repository of the hub."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from rnaernie_bench.core.errors import BenchError, ResultError
from rnaernie_bench.core.files import atomic_folder, write_json, write_text
from rnaernie_bench.core.paths import own_tasks
from rnaernie_bench.prediction.saved import model_folder, read_predictor
from rnaernie_bench.results.store import RECORD_FILE, read_record
from rnaernie_bench.runs.card import front_matter, run_card
from rnaernie_bench.task.task import load_task

_TOKEN = re.compile(r"hf_\w+")


def export_folder(
    run: Path, target: Path, *, task_path: Iterable[Path] = (), name: str | None = None
) -> Path:
    """Write what others need of a run into a folder: model files, `README.md`, `record.json`.

    A network with the authors' head loads there by MultiMolecule alone; `rnaernie_bench.load_run`
    and `rnaernie-bench predict` take the folder as they take a run's. Predictions and settings of
    this machine stay behind.

    Args:
        run: the folder of a finished run.
        target: the folder to make; it must not hold files.
        task_path: further folders of tasks, where the run's is in none else.
        name: what the card calls the folder; its path if None.

    Raises:
        ResultError: if the run has no finished model.
        ConfigError: if its task is not found.
        BenchError: if the folder holds files, or cannot be written.
    """
    read_predictor(run)
    record = read_record(run / RECORD_FILE)
    own = own_tasks(run.resolve().parents[1])
    task = load_task(record["task"]["name"], [*task_path, *own])
    with atomic_folder(target) as temporary:
        shutil.copytree(model_folder(run), temporary, dirs_exist_ok=True)
        whole = (temporary / "config.json").is_file()
        card = run_card(task, record, whole=whole, exported=name or str(target))
        matter = front_matter(task, record, whole=whole)
        write_text(temporary / "README.md", matter + card)
        write_json(temporary / RECORD_FILE, record)
    return target


def export_to_hub(
    run: Path, repository: str, *, private: bool = False, task_path: Iterable[Path] = ()
) -> str:
    """Upload what `export_folder` writes to a model repository of the Hugging Face hub.

    The repository is made if it is missing. The token is that of `hf auth login` or `HF_TOKEN`.

    Args:
        run: the folder of a finished run.
        repository: its id, `NAMESPACE/NAME`.
        private: whether a new repository is private.
        task_path: further folders of tasks.

    Returns:
        The address of the commit.

    Raises:
        ResultError: for a run on simulated data, or where the hub refuses; no token is shown.
        BenchError: as `export_folder` does.
    """
    from huggingface_hub import HfApi

    if read_record(run / RECORD_FILE)["dataset"]["simulated"]:
        raise ResultError(
            "a model of simulated data is of no use to others",
            where=run,
            remedy="export a run with preset=bench; --to FOLDER writes it here",
        )
    api = HfApi()
    with TemporaryDirectory() as folder:
        whole = export_folder(run, Path(folder) / "model", task_path=task_path, name=repository)
        try:
            api.create_repo(repository, private=private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repository,
                folder_path=whole,
                commit_message=f"rnaernie-bench run {run.name}",
            )
        except BenchError:
            raise
        except Exception as error:  # of the hub, of its HTTP library, of the network
            reason = _TOKEN.sub("hf_...", str(error).strip() or type(error).__name__)
            raise ResultError(
                f"the hub refuses: {reason.splitlines()[0]}",
                where=repository,
                remedy="check id, network and token (`hf auth login`, with the right to write)",
            ) from None
    return str(commit.commit_url)
