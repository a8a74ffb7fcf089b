"""States that were computed elsewhere, from files, are probed like a backbone's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.backbones.state_files import open_states
from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import DataError
from tests.kit import NAME, Made, make_task

WIDTH = 5
FROM = ("backbone=features", "strategy=frozen")


def states_of(sequence: str, per_base: bool = True) -> np.ndarray:
    """Return what tells the letters of a sequence."""
    rows = np.array([[letter == base for base in "ACGU"] + [True] for letter in sequence], "f4")
    return rows if per_base else rows.mean(axis=0)


def write(path: Path, arrays: Mapping[str, np.ndarray], sequences: Mapping[str, str]) -> Path:
    """Write arrays by id in the format that a name stands for."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".packed":
        path = path.with_suffix(".npz")
        np.savez_compressed(path, **arrays)
    elif path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file(dict(arrays), path)
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        name = "states" if next(iter(arrays.values())).ndim == 2 else "embedding"
        table = {"sequence": [sequences[key].lower() for key in arrays],
                 name: [value.tolist() for value in arrays.values()]}  # fmt: skip
        pq.write_table(pa.table(table), path)
    else:
        import torch

        path.mkdir()
        for number, (name, value) in enumerate(arrays.items()):
            if number % 2:
                torch.save(torch.from_numpy(value), path / f"{name}.pt")
            else:
                np.save(path / f"{name}.npy", value)
    return path


def items_of(made: Made) -> dict[str, str]:
    structures = made.level == "contact" and made.problem == "binary"
    return {
        f"{row['id']}_{row['group']}" if structures else row["id"]: row["sequence"]
        for rows in made.rows.values()
        for row in rows
    }


@pytest.mark.parametrize(
    ("name", "per_base"),
    [
        ("s.npz", True),
        ("s.packed", False),
        ("s.safetensors", False),
        ("s.parquet", True),
        ("s.parquet", False),
        ("folder", True),
    ],
)
def test_every_format_gives_the_same_scores(tmp_path: Path, name: str, per_base: bool) -> None:
    made = make_task(tmp_path, "sequence", "regression")
    sequences = items_of(made)
    arrays = {key: states_of(sequence, per_base) for key, sequence in sequences.items()}
    file = write(tmp_path / name, arrays, sequences)
    assert made.run(*FROM, f"backbone.source={file}", "task.head=mean") == 0
    [run] = made.run_folders()
    record = json.loads((run / "record.json").read_text())
    assert record["backbone"]["weights_sha256"] == open_states(str(file)).sha256
    assert record["backbone"]["options"]["source"] == "local folder"
    assert record["tests"]["all"]["metrics"]["pearson"]["value"] > 0.98  # the truth is linear


@pytest.mark.parametrize(("level", "problem"), [("token", "binary"), ("contact", "binary")])
def test_states_of_bases_serve_levels_of_bases(tmp_path: Path, level: str, problem: str) -> None:
    made = make_task(tmp_path, level, problem)
    arrays = {sequence: states_of(sequence) for sequence in items_of(made).values()}
    file = write(tmp_path / "s.npz", arrays, {})
    brief = ("trainer.max_epochs=1", "trainer.learning_rates=[]") if level == "contact" else ()
    assert made.run(*FROM, f"backbone.source={file}", *brief) == 0
    [run] = made.run_folders()
    metrics = json.loads((run / "record.json").read_text())["tests"]["all"]["metrics"]
    if level == "token":
        assert metrics["mcc"]["value"] == 1
    new = tmp_path / "new.fa"
    known = next(iter(items_of(made).values()))
    new.write_text(f">a\n{known}\n")
    assert main(["predict", str(run), str(new), "-o", str(tmp_path / "out.tsv")]) == 0


def test_pairs_are_served_by_sequence(tmp_path: Path) -> None:
    made = make_task(tmp_path, "pair", "regression")
    both = {s: states_of(s) for rows in made.rows.values() for r in rows
            for s in (r["first"], r["second"])}  # fmt: skip
    file = write(tmp_path / "s.npz", both, {})
    brief = ("trainer.max_epochs=1", "trainer.learning_rates=[]")
    settings = (*FROM, f"backbone.source={file}", *brief)
    assert made.run(*settings) == 0


def test_embedding_a_task_and_probing_the_file_is_a_frozen_run(tmp_path: Path) -> None:
    """The states of a backbone through a file score as the backbone itself."""
    made = make_task(tmp_path, "sequence", "multiclass")
    file = tmp_path / "states.npz"
    tasks = ["--task", NAME, "--task-path", str(tmp_path / "tasks"), "--split", "only"]
    embed = ["embed", *tasks, "--model", "rnaernie-tiny", "--pooling", "token", "-o", str(file)]
    assert main(embed) == 0
    last = load_backbone("rnaernie-tiny").model.config.num_hidden_layers
    own = ("backbone=rnaernie-tiny", f"strategy.layer={last}")
    for settings in (own, ("backbone=features", f"backbone.source={file}")):
        assert made.run(*settings, "strategy=frozen", "task.head=mean") == 0
    scores = [
        json.loads((run / "record.json").read_text())["validation"]["metrics"]
        for run in made.run_folders()
    ]
    assert len(scores) == 2
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, capsys: Any) -> None:
    made = make_task(tmp_path, "token", "binary")
    sequences = items_of(made)
    arrays = {key: states_of(sequence) for key, sequence in sequences.items()}
    first, second = list(arrays)[:2]
    bad = {
        "lacking": {k: v for k, v in arrays.items() if k != second},
        "longer": arrays | {first: np.zeros((len(sequences[first]) + 2, WIDTH), "f4")},
        "vectors": {k: v.mean(axis=0) for k, v in arrays.items()},
        "cube": arrays | {first: np.zeros((2, 2, 2), "f4")},
    }
    told = {
        "lacking": f"have no states, such as {sequences[second][:30]}",
        "longer": f"'{first}' has states ({len(sequences[first]) + 2}, 5)",
        "vectors": "one vector a sequence, and the task asks about bases",
        "cube": f"'{first}' is an array (2, 2, 2)",
    }
    for name, content in bad.items():
        file = write(tmp_path / f"{name}.npz", content, {})
        assert made.run(*FROM, f"backbone.source={file}") == 2
        error = capsys.readouterr().err
        assert told[name] in error, name
        assert error.count("\n") == 1
    for settings, message in (
        (("strategy=full",), "cannot be trained by 'full'; use frozen"),
        (("strategy=frozen",), "backbone.source: no file of states is named"),
    ):
        assert made.run("backbone=features", *settings) == 2
        assert message in capsys.readouterr().err


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    import torch

    np.savez(tmp_path / "o.npz", a=np.array([{"a": 1}], dtype=object))
    (tmp_path / "folder").mkdir()
    torch.save(Made, tmp_path / "folder" / "a.pt")
    for name in ("o.npz", "folder"):
        with pytest.raises(DataError, match="cannot be read"):
            open_states(str(tmp_path / name)).of("a")
