"""Whole sequences: FASTA files, files of a sequence a line, rows of tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rnaernie_bench.data.alphabet import checked_sequence, normalise
from rnaernie_bench.data.cuts import by_digest
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.items import Items, SequenceItem
from rnaernie_bench.data.labels import Row, columns_of, label_of, match_header
from rnaernie_bench.data.simulated import Drawn
from rnaernie_bench.data.stockholm import read_alignments
from rnaernie_bench.data.text import read_lines, refuse_repeated
from rnaernie_bench.data.variants import positions
from rnaernie_bench.metrics.problems import categorical, quantitative
from rnaernie_bench.task.declaration import DataFile, Table
from rnaernie_bench.task.task import Task


def read_file(path: Path, file: DataFile, task: Task) -> Items:
    """Read one file, as `Level.read_file` has it.

    A record of a FASTA file has its id in its header, and its label and group where they stand
    there. A line of another file is called by the file and its number. Stockholm files are read as
    `of_families` does.

    Raises:
        DataError: naming file, record and line of a header that does not match, an unknown label,
            a foreign letter, or an id that stood before.
    """
    items = []
    if file.format == "lines":
        known = label_of(file.label, task, where=str(path))
        for number, text in read_lines(path):
            sequence = checked_sequence(text, f"{path}, line {number}")
            items.append(SequenceItem(f"{path.name}:{number}", sequence, known))
        return tuple(items)
    if file.format == "stockholm":
        return of_families(path, task)
    first: dict[str, str] = {}
    for record in read_fasta(path):
        where = f"{path}, {record.place}"
        found = match_header(record.header, task, where)
        label = label_of(file.label or found["label"], task, where)
        refuse_repeated(found["id"], f"record {record.record}", first, where)
        items.append(SequenceItem(found["id"], record.sequence, label, found.get("group") or ""))
    return tuple(items)


GAPS = str.maketrans("", "", ".-~_")
"""What stands in rows of alignments where a sequence has no base."""


def of_families(path: Path, task: Task) -> Items:
    """Return sequences of alignments of families, as `dataset.families` says which.

    The id is family and name. Of one family, sequences without letters besides ACGU are read once
    each. The group is the clan, or the family where it has none.

    Raises:
        DataError: as `read_alignments` does.
    """
    asked = task.dataset.families
    assert asked is not None
    items = []
    for family in read_alignments(path):
        accession, kind = (family.marks.get(tag, [""])[0] for tag in ("AC", "TP"))
        label = asked.types.get(kind.strip("; "))
        if label is None:
            continue
        group = (*family.marks.get("CL", ()), accession)[0]
        first: dict[str, str] = {}
        for name, row in family.rows.items():
            sequence = normalise(row.translate(GAPS))
            long = asked.longest is not None and len(sequence) > asked.longest
            if len(sequence) >= asked.shortest and not long and not set(sequence) - set("ACGU"):
                first.setdefault(sequence, f"{accession}:{name}")
        ids = {identity: sequence for sequence, identity in first.items()}
        for identity in by_digest(ids)[: asked.at_most]:
            items.append(SequenceItem(identity, ids[identity], task.labels.index(label), group))
    return tuple(items)


def read_row(row: Row, table: Table, task: Task) -> SequenceItem:
    """Return the item of a row, as `Level.read_row` has it."""
    if categorical(task.problem):
        label = label_of(row.cells[table.label], task, row.where)
    else:
        label = columns_of(row.cells, table.labels, task, row.where)
    return _placed(SequenceItem(row.id, row.sequence, label, row.group), task)


def _placed(item: SequenceItem, task: Task) -> SequenceItem:
    """Return an item that knows where it differs from the reference of its data set, if any."""
    if not task.dataset.reference:
        return item
    found = positions(item.sequence, task.dataset.reference)
    return replace(item, positions=found, group=item.group or str(next(iter(found), "")))


def simulated_item(drawn: Drawn, task: Task) -> SequenceItem:
    """Return a member of a family with its class, several labels, or how much of it pairs.

    Families share labels with their neighbours; quantities stand each on another scale, every
    second one turned round.
    """
    columns, fold = range(len(task.labels)), drawn.fold
    label: int | tuple[float, ...] = drawn.family
    if quantitative(task.problem):
        share = 1 - fold.structure.count(".") / len(fold)
        label = tuple(round((1 - share if j % 2 else share) / (j + 1), 4) for j in columns)
    elif not categorical(task.problem):
        label = tuple(float(drawn.family % len(columns) in (j, (j + 1) % 3)) for j in columns)
    return SequenceItem(drawn.id, fold.sequence, label, drawn.group)
