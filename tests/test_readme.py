"""Every `rnaernie-bench` command and every Python block of the documents is run.

The tasks and configurations are the shipped ones with tiny data and tiny nets put in, so that the
commands stand in the documents as a user would type them. In a document, `RUN` stands for a run,
`OTHER` for another on the same task, `in.fa` for a file of sequences, `my_tasks/my_task` for a task
of the user's own; a block after `<!-- test: skip, REASON -->` is left out.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import pydoc
import random
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from rnaernie_bench.cli.main import main
from rnaernie_bench.core import paths
from rnaernie_bench.data.items import Items
from rnaernie_bench.data.simulated import simulated_dataset
from rnaernie_bench.structure.records import StructureRecord
from rnaernie_bench.structure.writers import to_dot_bracket
from rnaernie_bench.task.catalogue import BACKBONES, EncoderEntry
from rnaernie_bench.task.task import read_task
from tests.paddle_kit import authors_state, write_checkpoint

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?P<skip><!-- test: skip[^\n]*-->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COMMAND = re.compile(
    r"(?:cat (?P<stdin>\S+) \| )?rnaernie-bench (?P<arguments>.*?)(?: > (?P<stdout>\S+))?"
)
SIZES = {
    "train": 26, "validation": 13, "test": 26, "human": 13, "tr0": 18, "vl0": 9, "ts0": 9,
    "archiveii": 27, "pairs": 900,
}  # fmt: skip
"""Of the tasks that documents run on their own data; others are used on simulated items alone."""
NET = {
    "num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32,
}  # fmt: skip


SHORTER = {"trainer.max_steps=100": "trainer.max_steps=6"}
"""Settings of commands, and what tests set instead: as much happens, less often."""


class Block(NamedTuple):
    language: str
    text: str


def blocks(document: Path) -> list[Block]:
    found = BLOCK.finditer(document.read_text(encoding="utf-8"))
    return [Block(match["language"], match["text"]) for match in found if not match["skip"]]


LINES = [
    line.split(" #")[0].strip()
    for document in DOCUMENTS
    for block in blocks(document)
    if block.language == "bash"
    for line in block.text.splitlines()
    if COMMAND.fullmatch(line.split(" #")[0].strip())
]
COMMANDS = list(dict.fromkeys(LINES))
"""Each once, however often it is shown."""
PYTHON = [b.text for document in DOCUMENTS for b in blocks(document) if b.language == "python"]


def edit(path: Path, **changes: Any) -> None:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    package = "# @package _global_\n" if "@package" in path.read_text(encoding="utf-8") else ""
    path.write_text(package + yaml.safe_dump(raw | changes, sort_keys=False), encoding="utf-8")


def make_configs(folder: Path) -> None:
    """Copy the configurations, with one epoch, and one run of some grids of a suite."""
    shutil.copytree(paths.configs_folder(), folder)
    for name in ("config", "pretrain"):
        root = folder / f"{name}.yaml"
        text = root.read_text(encoding="utf-8").replace("tracking: mlflow", "tracking: none")
        root.write_text(text, encoding="utf-8")
    # The root has the last word: one epoch, whatever trainer and preset a command chooses.
    edit(folder / "config.yaml", trainer={"max_epochs": 1})
    for path in (folder / "sweep").glob("*.yaml"):
        edit(path, trials=2, seeds=1)
    for path in (folder / "suite").glob("*.yaml"):
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "grids" not in raw:  # a suite of suites
            continue
        common = [s for s in raw["common"] if not s.startswith("trainer.")]
        grids = [
            {key: values[:1] for key, values in grid.items()}
            for grid in raw["grids"]
            if grid["backbone"][0] != "rnabert"  # its weights are real data
        ]
        edit(path, common=common, grids=grids[:4])


def make_task(folder: Path, source: Path, data: Path) -> None:
    """Copy a task, with small simulated items as its real ones, under headers that tell labels."""
    shutil.copytree(source, folder)
    declaration = folder / "task.yaml"
    raw = yaml.safe_load(declaration.read_text(encoding="utf-8"))
    sizes = {part: SIZES.get(part, 40) for part in raw["simulation"]["sizes"]}
    edit(declaration, name=folder.name, simulation=raw["simulation"] | {"sizes": sizes})
    task = read_task(declaration)
    parts = simulated_dataset(task).parts
    if task.level == "contact":
        write_contacts(raw, parts, data)
        edit(declaration, dataset=raw["dataset"], splits=raw["splits"])
        return
    if task.level == "pair" and len(parts) == 1:  # others are used on simulated items alone
        write_pairs(raw, parts, data)
        edit(declaration, dataset=raw["dataset"])
        return
    if task.problem == "regression" and task.level == "sequence":
        write_numbers(raw, parts, data)
        edit(declaration, dataset=raw["dataset"])
        return
    if task.problem != "multiclass":
        return
    groups: dict[str, int] = {}
    for name, file in task.dataset.files.items():
        raw_file = raw["dataset"]["files"][name]
        items = [
            (number, item)
            for number, item in enumerate(parts[file.part or name])
            if file.label in ("", task.labels[item.label])
        ]
        text = "".join(
            f">RF{groups.setdefault(item.group, len(groups))}_{name}{number} "
            f"{task.labels[item.label]}\n{item.sequence}\n"
            for number, item in items
        )
        path = data / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        raw_file.update(sha256=hashlib.sha256(text.encode()).hexdigest(), records=len(items))
        raw_file.pop("url", None)
    if any(file.label for file in task.dataset.files.values()):
        del raw["dataset"]["header"]
    edit(declaration, dataset=raw["dataset"])


def write_numbers(raw: dict[str, Any], parts: Mapping[str, Items], data: Path) -> None:
    """Write simulated quantities as the tables without names that a declaration has."""
    for name, table in raw["dataset"]["tables"].items():
        if "header" not in table:  # used on simulated items alone
            continue
        cells = {
            "id": "id",
            "sequence": "sequence",
            **dict.fromkeys(table["labels"].values(), "label"),
        }
        lines = [
            ",".join(
                str({"id": i.id, "sequence": i.sequence, "label": i.label[0]}.get(cells.get(c), ""))
                for c in table["header"]
            )
            for i in parts[name]
        ]
        path = data / table["source"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        table.update(sha256=digest, records=len(lines))


def write_pairs(raw: dict[str, Any], parts: Mapping[str, Items], data: Path) -> None:
    """Write simulated pairs as the table that a declaration names, its first partner reversed."""
    [declared], [items] = raw["dataset"]["files"].values(), parts.values()
    lines = [
        f"{i.first_group},{i.first[::-1]},{i.second_group},{i.second},{i.label}\n" for i in items
    ]
    path = data / declared["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a_name,a_seq,b_name,b_seq,label\n" + "".join(lines), encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    declared.update(sha256=digest, records=len(lines))


def write_contacts(raw: dict[str, Any], parts: Mapping[str, Items], data: Path) -> None:
    """Write simulated structures and folds as the files that a declaration names."""

    def put(declared: dict[str, Any], text: str, records: int) -> None:
        path = data / declared["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.encode()
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        declared.update(sha256=digest, records=records)

    for name, file in raw["dataset"]["files"].items():
        records = [
            StructureRecord(f"{item.group}_{name}{number}", item.sequence, item.pairs)
            for number, item in enumerate(parts[name])
        ]
        put(file, "".join(map(to_dot_bracket, records)), len(records))
    for split in raw["splits"].values():
        if "folds" in split:
            ids = [
                (f"{i.group}_{split['train']}{n}", i) for n, i in enumerate(parts[split["train"]])
            ]
            lines = [
                f"{fold},{'test' if item.group == fold else 'train'},{name}\n"
                for fold in split["folds"]["names"]
                for name, item in ids
            ]
            put(split["folds"]["file"], "fold,partition,id\n" + "".join(lines), len(lines))


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in `folder`, with the tasks and configurations there."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(paths, "tasks_folder", lambda: folder / "tasks")
    monkeypatch.setattr(paths, "configs_folder", lambda: folder / "configs")
    monkeypatch.setattr(paths, "results_folder", lambda: folder / "results")
    for name in ("rnaernie", "rnaernie-mini", "rnaernie-tiny"):
        entry = BACKBONES.get(name)
        assert isinstance(entry, EncoderEntry)
        small = {**entry.defaults, **NET, "init": "random", "source": None}
        monkeypatch.setitem(BACKBONES._targets, name, replace(entry, defaults=small))
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(folder / "rna-data"))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(folder / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working folder as a user would have it after a first run."""
    folder = tmp_path_factory.mktemp("user")
    make_configs(folder / "configs")
    for source in paths.tasks_folder().iterdir():
        make_task(folder / "tasks" / source.name, source, folder / "rna-data")
    shutil.copytree(folder / "tasks" / "ncrna_cls", folder / "my_tasks" / "my_task")
    edit(folder / "my_tasks" / "my_task" / "task.yaml", name="my_task")
    sequences = ">one\nGGGCCCGUAGCUCAGCCCGG\n>two\nACGTACGTNN\n"
    (folder / "in.fa").write_text(sequences, encoding="utf-8")
    typed = (f">{i} {kind}\n{'GGCAU' * (4 + i)}\n" for i, kind in enumerate(("tRNA", "miRNA") * 4))
    (folder / "typed.fa").write_text("".join(typed), encoding="utf-8")
    (folder / "variants.csv").write_text("variant\nG1A\ng1a:g2c\n", encoding="utf-8")
    (folder / "motifs.txt").write_text("GGCA\nAUGG\n", encoding="utf-8")
    for name, unit in (("my.csv", "GGCAU"), ("t.csv", "GGCAA")):
        drawn = ["".join(random.Random(i).choices(unit, k=15 + 5 * i)) for i in range(12)]
        rows = [f"{text},{'ab'[i % 2]},F{i // 3}" for i, text in enumerate(drawn)]
        (folder / name).write_text("\n".join(["seq,y,family", *rows]), encoding="utf-8")
    labels = read_task(folder / "tasks" / "ncrna_cls" / "task.yaml").labels
    rows = [f"{'GGCAU' * (4 + i)},{label}" for i, label in enumerate(labels)]
    (folder / "new.csv").write_text("\n".join(["seq,family", *rows]), encoding="utf-8")
    for name, loop in (("my.dbn", "AAAA"), ("t.dbn", "AACA")):
        hairpins = (
            f">{i}\n{'G' * i}{loop}{'C' * i}\n{'(' * i}....{')' * i}\n" for i in range(2, 14)
        )
        (folder / name).write_text("".join(hairpins), encoding="utf-8")
    for name, base in (("my_pairs.csv", "A"), ("t_pairs.csv", "C")):
        rows = [f"m{i // 3},ACGU{base * i},GGCA{'G' * i},{i / 10}" for i in range(24)]
        (folder / name).write_text("\n".join(["name,mirna,site,score", *rows]), encoding="utf-8")
    write_checkpoint(folder, authors_state(128))
    (folder / "in.fa.gz").write_bytes(gzip.compress(sequences.encode()))
    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(folder, monkeypatch)
        common = ["run", "task=ncrna_cls", "preset=bench", "tracking=none"]
        assert main([*common, "seed=7"]) == 0
        assert main([*common, "seed=8", "backbone=majority"]) == 0
        for block in blocks(ROOT / "docs" / "bring_your_own.md"):
            if block.language == "python":  # commands read what it writes
                exec(compile(block.text, "block", "exec"), {})
    return folder


@pytest.fixture
def run_id(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the id of the first run, from within the user's folder."""
    enter(folder, monkeypatch)
    return with_seed(7, folder)


def with_seed(seed: int, folder: Path) -> str:
    [record] = [
        path
        for path in folder.glob("runs/ncrna_cls/*/record.json")
        if f'"seed": {seed},' in path.read_text(encoding="utf-8")
    ]
    return record.parent.name


@pytest.mark.parametrize("line", COMMANDS)
def test_command(
    line: str,
    folder: Path,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = COMMAND.fullmatch(line)
    assert command
    if command["stdin"]:
        content = (folder / command["stdin"]).read_bytes()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
    words = {"RUN": run_id, "OTHER": with_seed(8, folder), **SHORTER}
    arguments = [words.get(word, word) for word in shlex.split(command["arguments"])]
    status = main(arguments)
    printed = capsys.readouterr()
    assert status == 0, printed.err
    if "predict" in arguments:
        name = arguments[arguments.index("-o") + 1] if "-o" in arguments else None
        out = (folder / name).read_text() if name else printed.out
        first = [row.split("\t")[0] for row in out.splitlines()]
        structures = [row for row in first if row.startswith(">")]
        assert (structures or first) in (["id", "one", "two"], [">one", ">two"])


@pytest.mark.parametrize("text", PYTHON)
def test_python(text: str, run_id: str) -> None:
    exec(compile(text.replace("RUN", run_id), "block", "exec"), {})


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 20
    assert len(PYTHON) == 10
    shown = {line.split("rnaernie-bench ")[1].split()[0] for line in COMMANDS}
    from rnaernie_bench.cli.main import COMMANDS as KNOWN

    assert shown == set(KNOWN)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_make_targets_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = document.parent / name if name else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link
    assert set(re.findall(r"^make ([\w-]+)|`make ([\w-]+)`", text, re.MULTILINE)) <= {
        pair for target in make_targets() for pair in ((target, ""), ("", target))
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_of_modules_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    paths = re.findall(r"\b(?:rnaernie_bench|examples|configs|tests)/[\w/.-]+\w", text)
    named = [path for path in paths if not re.search(r"\b[A-Z]{4,}\b", path)]  # no placeholders
    assert [path for path in named if not (ROOT / path).exists()] == []
    sources = "".join(p.read_text(encoding="utf-8") for p in ROOT.glob("rnaernie_bench/**/*.py"))
    for name in set(re.findall(r"\brnaernie_bench(?:\.\w+)+", text)):
        in_code = f'"{name}"' in sources  # a group of entry points, or a head's name
        assert in_code or pydoc.locate(name) is not None, name


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("name", ["ci", "pages", "release"])
def test_workflows_run_make_targets(name: str) -> None:
    path = ROOT / ".github" / "workflows" / f"{name}.yml"
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert runs
    assert {run.removeprefix("make ") for run in runs} <= make_targets()
