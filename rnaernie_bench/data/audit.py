"""What the parts of a split hold and share: counted, shown, and kept in the task card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.data.items import Dataset, Items, SequenceItem, Split
from rnaernie_bench.data.leakage import nearest_identity, shares_stretch
from rnaernie_bench.task.task import Task

LIMIT = 508
"""Bases that fit every strategy; the length policy decides about longer records."""

IDENTITIES = (1.0, 0.9, 0.8)
"""Identities to the nearest record at which duplicates are counted; 1 is the same sequence."""

STRETCH = 20
"""Bases of a stretch that relates two records, as overlapping windows are."""

BEGIN, END = "<!-- audit:begin -->", "<!-- audit:end -->"


@dataclass(frozen=True)
class PartAudit:
    """One part of a split, counted."""

    name: str
    rows: int
    lengths: tuple[int, float, int]
    """Shortest, median and longest sequence, nt."""
    over_limit: int
    """Records of more than 508 bases."""
    other_letters: int
    """Records with letters besides ACGU."""
    repeated: int
    """Records whose sequence stands earlier in the same part."""
    per_class: tuple[int, ...]
    """Records by label."""


@dataclass(frozen=True)
class Overlap:
    """How many records of one part stand, exactly or nearly, in other parts."""

    part: str
    against: tuple[str, ...]
    rows: tuple[int, ...]
    """Records of the part, by label."""
    duplicates: Mapping[float, tuple[int, ...]]
    """Identity -> those whose nearest record in the other parts reaches it, by label."""
    stretches: int
    """Those that share a stretch of `STRETCH` bases with any record of the other parts."""


@dataclass(frozen=True)
class Audit:
    """The figures of one split of one data set."""

    task: str
    dataset: str
    fingerprint: str
    simulated: bool
    split: str
    labels: tuple[str, ...]
    parts: tuple[PartAudit, ...]
    overlaps: tuple[Overlap, ...]
    contradictory: int
    """Sequences that occur in the data set under more than one `truth`."""
    truth: str = "label"
    """What is true of a sequence: its `label`, or its `structure`."""


def audit(task: Task, dataset: Dataset, split: Split) -> Audit:
    """Count what the parts of `split` hold and share.

    Validation is compared with train, and so is every test part: validation should have as many
    relatives there as they have. Test parts are also compared with validation and with both,
    validation with them. The search for near duplicates misses none (see `leakage`); its cost grows
    with the product of the parts' sizes. Of pairs, each partner is compared with its like:
    a record counts where its partner stands, exactly or nearly, in another part.
    """
    import numpy as np

    learned = {"train": split.train, "validation": split.validation} if split.train else {}
    whole = {**learned, **split.tests}
    comparisons: list[tuple[str, tuple[str, ...]]] = []
    if learned:
        comparisons += [(part, ("train",)) for part in ("validation", *split.tests)]
        comparisons += [(test, ("validation",)) for test in split.tests]
        comparisons += [(test, ("train", "validation")) for test in split.tests]
        comparisons += [("validation", (test,)) for test in split.tests]

    overlaps: list[Overlap] = []
    counted: list[PartAudit] = []
    for partner in task.level_entry.partners or ("",):
        parts = {name: _strands(items, partner) for name, items in whole.items()}
        called = {name: f"{name}, {partner}" if partner else name for name in parts}
        counted += [_part(task, called[name], items) for name, items in parts.items()]
        known: dict[str, dict[str, tuple[float, bool]]] = {name: {} for name in parts}
        for part, others in comparisons:
            found = [_nearest(parts[part], parts[other], known[other]) for other in others]
            near = np.array(parts[part], dtype=object)
            found, shared = np.moveaxis(np.array(found), 2, 0)
            identity = np.max(found, axis=0)
            reached = {
                bound: _by_label(task, near[identity >= bound - 1e-6]) for bound in IDENTITIES
            }
            rows, shared = _by_label(task, parts[part]), int(shared.any(axis=0).sum())
            overlaps.append(Overlap(called[part], others, rows, reached, shared))

    labels: dict[str, set[Any]] = {}
    for items in dataset.parts.values():
        for item in items:
            labels.setdefault(item.sequence, set()).add(item.truth)
    return Audit(
        task=task.key,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        simulated=dataset.simulated,
        split=split.name,
        labels=task.labels if task.classifies else (),
        truth="structure" if task.decodes else "label",
        parts=tuple(counted),
        overlaps=tuple(overlaps),
        contradictory=sum(len(found) > 1 for found in labels.values()),
    )


def identical(split: Split) -> dict[tuple[str, str], int]:
    """Count the records of a part whose sequence also occurs in another: cheap, unlike `audit`.

    Returns:
        (part, other part) -> records of the part, for every test part with train and with
        validation, and for validation with train.
    """
    parts = {"train": split.train, "validation": split.validation}
    sequences = {name: {item.sequence for item in items} for name, items in parts.items()}
    pairs = [(test, other) for test in split.tests for other in parts]
    counted = {**split.tests, "validation": split.validation}
    return {
        (part, other): sum(item.sequence in sequences[other] for item in counted[part])
        for part, other in [*pairs, ("validation", "train")]
    }


def to_markdown(audit: Audit) -> str:
    """Return the figures as Markdown tables, the same for the terminal and the card."""
    source = f"data set `{audit.dataset}`, fingerprint `{audit.fingerprint[:12]}`"
    lines = [f"`{audit.task}`, split `{audit.split}`, {source}."]
    if audit.simulated:
        lines.append("The data are simulated: these figures say nothing about real RNA.")
    lines += ["", "**Parts.** Lengths are in nt.", ""]
    lines += _table(
        f"part|records|shortest|median|longest|over {LIMIT}|other letters|repeated".split("|"),
        (
            [p.name, p.rows, *p.lengths, p.over_limit, p.other_letters, p.repeated]
            for p in audit.parts
        ),
    )
    lines += [
        "",
        f"*Repeated*: the sequence occurs earlier in the same part. {audit.contradictory} sequences"
        f" occur in the data set {'under' if audit.labels else 'with'} more than one"
        f" {audit.truth}.",
    ]
    if not audit.overlaps:
        return "\n".join([*lines, "", "Nothing trains, so that no parts are compared."]) + "\n"
    lines += [
        "",
        "**Duplicates between parts.** Records whose nearest record in the other part is identical,"
        " or has at least the given identity (1 - edits / longer length), identical ones included;"
        f" and records that share a stretch of {STRETCH} nt with any record there. The search"
        " misses none. Validation should have as many relatives in train as the test parts have.",
        "",
    ]
    bounds = ["identical" if bound == 1 else f">= {bound}" for bound in IDENTITIES]
    counts = [*bounds, f"{STRETCH} nt shared"]
    lines += _table(
        ["part", "against", "records", *counts, *(f"{count} (%)" for count in counts)],
        (
            [overlap.part, " + ".join(overlap.against), rows, *totals]
            + [f"{100 * total / rows:.1f}" for total in totals]
            for overlap in audit.overlaps
            for rows in [sum(overlap.rows)]
            for totals in [
                [*(sum(overlap.duplicates[bound]) for bound in IDENTITIES), overlap.stretches]
            ]
        ),
    )
    if not audit.labels:
        return "\n".join(lines) + "\n"
    lines += ["", "**Records by class.**", ""]
    lines += _table(
        ["class", *(part.name for part in audit.parts)],
        (
            [label, *(part.per_class[index] for part in audit.parts)]
            for index, label in enumerate(audit.labels)
        ),
    )
    shown = [o for o in audit.overlaps if any(sum(counts) for counts in o.duplicates.values())]
    if shown:
        lines += ["", f"**Duplicates by class** ({' / '.join(bounds)}).", ""]
        lines += _table(
            ["class", *(f"{o.part} in {' + '.join(o.against)}" for o in shown)],
            (
                [label]
                + [
                    " / ".join(str(o.duplicates[bound][index]) for bound in IDENTITIES)
                    for o in shown
                ]
                for index, label in enumerate(audit.labels)
            ),
        )
    return "\n".join(lines) + "\n"


def write_card(task: Task, text: str) -> None:
    """Put `text` between the audit marks of the task's card, which changes all at once.

    Raises:
        DataError: if the card is missing, cannot be read, or lacks the marks.
        BenchError: if it cannot be written.
    """
    card = task.card
    try:
        content = card.read_text(encoding="utf-8")
        head, begin, rest = content.partition(BEGIN)
        _, end, tail = rest.partition(END)
        if not (begin and end):
            raise DataError(
                "the card has no place for the audit",
                where=card,
                remedy=f"add a line {BEGIN} and a line {END} to it",
            )
        with atomic_path(card) as temporary:
            temporary.write_text(f"{head}{begin}\n{text}{end}{tail}", encoding="utf-8")
            temporary.chmod(card.stat().st_mode & 0o777)
    except OSError as error:
        raise DataError(
            f"the task card cannot be written: {error.strerror}",
            where=card,
            remedy="check that it exists and that its folder is writable",
        ) from error


def _strands(items: Items, partner: str) -> Items:
    """Return the items, or one partner of each pair as an item of its own."""
    if not partner:
        return items
    return tuple(SequenceItem(item.id, getattr(item, partner), item.label) for item in items)


def _nearest(
    items: Items, others: Items, known: dict[str, tuple[float, bool]]
) -> list[tuple[float, bool]]:
    """Return of each item the identity to the nearest of `others`, 0 below the lowest bound, and
    whether it shares a stretch with any.

    `known` keeps what was found for a sequence, since test parts contain one another.
    """
    fresh = list(dict.fromkeys(i.sequence for i in items if i.sequence not in known))
    references = list(dict.fromkeys(other.sequence for other in others))
    identity, _ = nearest_identity(fresh, references, threshold=IDENTITIES[-1])
    shared = shares_stretch(fresh, references, STRETCH)
    found = zip(identity.tolist(), shared.tolist(), strict=True)
    known.update(zip(fresh, found, strict=True))
    return [known[item.sequence] for item in items]


def _part(task: Task, name: str, items: Items) -> PartAudit:
    lengths = [len(item.sequence) for item in items]
    return PartAudit(
        name=name,
        rows=len(items),
        lengths=(min(lengths), median(lengths), max(lengths)),
        over_limit=sum(length > LIMIT for length in lengths),
        other_letters=sum(bool(set(item.sequence) - set("ACGU")) for item in items),
        repeated=len(items) - len({item.sequence for item in items}),
        per_class=_by_label(task, items),
    )


def _by_label(task: Task, items: Iterable[Any]) -> tuple[int, ...]:
    """Return how many items are of each class; one number where they have none."""
    counts = [0] * (len(task.labels) if task.classifies else 1)
    for item in items:
        counts[item.label if task.classifies else 0] += 1
    return tuple(counts)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return a Markdown table, numbers to the right, padded so that it reads as plain text too."""
    cells = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    left = [
        all(not row[i][:1].isdigit() for row in cells[1:]) or i == 0 for i in range(len(widths))
    ]

    def line(row: list[str]) -> str:
        padded = (
            cell.ljust(width) if to_left else cell.rjust(width)
            for cell, width, to_left in zip(row, widths, left, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = (
        ":" + "-" * (width - 1) if to_left else "-" * (width - 1) + ":"
        for width, to_left in zip(widths, left, strict=True)
    )
    return [line(cells[0]), f"| {' | '.join(rule)} |", *map(line, cells[1:])]


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
