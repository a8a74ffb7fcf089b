"""Tables of own data, as people write them: none may be read otherwise than it was meant.

`python -m benchmarks.own_data --tables 600` writes tables of every level and problem in the formats
and habits of this field, half of them with one fault. It counts those that were read rightly, those
that were refused with the place of the fault, and those that were read wrongly: silent differences.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.data.loading import load_dataset
from rnaernie_bench.data.own.declaring import declare
from rnaernie_bench.data.own.spec import OwnData

MISSING = ("NA", "nan", "NaN", "None", "null", "N/A", "<NA>")
PAIRED = (("0", "1"), ("no", "yes"), ("-", "+"), ("False", "True"), ("non-AMP", "AMP"))
FORMS = ("letters", "blanks", "commas", "json", "python", "numpy")
NOTATIONS = ("dots", "from 0", "from 1", "tuples")
"""Of base pairs in a cell: dot-bracket, or lists of pairs."""


@dataclass
class Table:
    """A table as it is to be written, and what it means."""

    level: str
    problem: str
    columns: list[str]
    rows: list[dict[str, str]]
    labels: list[str]
    truth: list[np.ndarray]
    """Of each row, float32 (units, labels), nan where unknown; of structures the pairs, from 0."""
    form: str = ""
    ending: str = ".csv"
    fault: str = ""
    """What was done to it that must be refused; empty if nothing was."""
    words: str = ""
    """What the refusal must say."""
    habits: list[str] = field(default_factory=list)
    joined: bool = False
    """Whether sequences stand in a FASTA file beside it."""

    @property
    def sequences(self) -> list[str]:
        """Its columns of sequences."""
        return ["first", "second"] if self.level == "pair" else ["sequence"]


def drawn(random: Random) -> Table:
    """Return a sound table."""
    level = random.choice(("sequence", "token", "pair", "contact"))
    if level == "contact":
        return _structures(random)
    problem = random.choice(("binary", "multiclass", "multilabel", "regression"))
    classes = problem in ("binary", "multiclass")
    form = random.choice(FORMS if classes else FORMS[1:]) if level == "token" else ""
    if problem == "binary":
        pair = PAIRED[random.choice((0, 2)) if form == "letters" else random.randrange(len(PAIRED))]
        names = list(pair)
    elif form == "letters":
        names = sorted(random.sample("().[]EHST", random.randint(2, 5)))
    else:
        names = [f"class{number}" for number in range(random.randint(2, 4))]
    columns = ["y"] if classes else [f"y{number}" for number in range(random.randint(1, 2))]
    table = Table(level, problem, [], [], names if classes else columns, [], form)
    table.columns = [*table.sequences, *columns]
    for number in range(random.randint(len(names) + 2, 12)):
        sequences = ["".join(random.choices("ACGU", k=random.randint(4, 9))) for _ in "ab"]
        units = len(sequences[0]) if level == "token" else 1
        if classes:
            found = [random.choice(names) for _ in range(units)]
            if number < len(names):  # each stands in some row
                found[0] = names[number]
            values = np.array([[names.index(name)] for name in found], dtype=np.float32)
            spelt = [found]
        else:
            values = np.round(np.array([[random.uniform(-9, 9) for _ in columns]] * units), 3)
            if level == "token":
                values += np.arange(units)[:, None]
            if problem == "multilabel":
                values = (values > 0).astype(float)
            values = values.astype(np.float32)
            spelt = [[f"{value:g}" for value in column] for column in values.T.tolist()]
            values = np.array([[float(v) for v in column] for column in spelt], np.float32).T
        may_lack = form not in ("", "letters") or (not classes and len(columns) == 2 and not form)
        if may_lack and random.random() < 0.3:
            row, column = random.randrange(1, units) if form else 0, random.randrange(len(columns))
            spelt[column][row] = random.choice(MISSING)
            values[row, column] = np.nan
        cells = [_cell(words, form, classes) for words in spelt]
        table.rows.append(
            {**dict(zip(table.sequences, sequences, strict=False)),
             **dict(zip(columns, cells, strict=True))}
        )  # fmt: skip
        table.truth.append(values)
    return table


def _structures(random: Random) -> Table:
    """Return a sound table of base pairs."""
    form = random.choice(NOTATIONS)
    table = Table("contact", "binary", ["sequence", "y"], [], [], [], form)
    for _ in range(random.randint(4, 12)):
        bases = random.randint(7, 16)
        left: list[tuple[int, int]] = []
        i, j, depth = 0, bases - 1, random.randint(0, (bases - 3) // 2)
        while len(left) < depth and j - i > 3:
            left.append((i, j))
            i, j = i + random.randint(1, 2), j - 1
        pairs = sorted(left)
        if form == "dots":
            marks = ["."] * bases
            for number, (i, j) in enumerate(pairs):
                kind = "()" if random.random() < 0.8 or number else "[]"
                marks[i], marks[j] = kind[0], kind[1]
            cell = "".join(marks)
        else:
            first = 0 if form == "from 0" else 1
            shown = [[i + first, j + first] for i, j in pairs]
            random.shuffle(shown)
            cell = str([tuple(pair) for pair in shown] if form == "tuples" else shown)
        sequence = "".join(random.choices("ACGU", k=bases))
        table.rows.append({"sequence": sequence, "y": cell})
        table.truth.append(np.array(pairs, np.int64).reshape(-1, 2))
    return table


def _cell(words: list[str], form: str, classes: bool) -> str:
    """Return the values of a row as one cell."""
    known = [None if word in MISSING else word for word in words]
    if form in ("json", "python"):
        values = known if classes else [None if w is None else float(w) for w in known]
        return json.dumps(values) if form == "json" else str(values)
    if form == "numpy":
        return "[" + " ".join(repr(w) if classes and w not in MISSING else w for w in words) + "]"
    return {"letters": "", "blanks": " ", "commas": ",", "": ""}[form].join(words)


def _missing_label(table: Table, random: Random, row: int) -> str:
    for column in table.columns[len(table.sequences) :]:
        table.rows[row][column] = random.choice(MISSING)
    return f"row {row + 1}: no label is known"


def _missing_sequence(table: Table, random: Random, row: int) -> str:
    table.rows[row][table.sequences[0]] = random.choice(("NA", "nan", "", "NAN"))
    return f"row {row + 1}"


def _foreign_letter(table: Table, random: Random, row: int) -> str:
    name = table.sequences[-1]
    table.rows[row][name] = "!" + table.rows[row][name][1:]
    return f"(s{row}" if table.joined else f"row {row + 1}"


def _one_value_less(table: Table, random: Random, row: int) -> str:
    table.rows[row][table.sequences[0]] += "A"
    return f"row {row + 1}, column 'y"


def _one_value_more(table: Table, random: Random, row: int) -> str:
    table.rows[row][table.sequences[0]] = table.rows[row][table.sequences[0]][1:]
    return f"row {row + 1}, column 'y"


def _no_number(table: Table, random: Random, row: int) -> str:
    column = table.columns[-1]
    word = random.choice(("inf", "1e39", "low", "0,5", "1_0", "1e-50"))
    if table.level == "token":
        word = " ".join([word] * len(table.rows[row]["sequence"]))
        table.form = "blanks"
    table.rows[row][column] = word
    return f"row {row + 1}, column '{column}'"


def _longer_structure(table: Table, random: Random, row: int) -> str:
    table.rows[row]["sequence"] += "A" if table.form == "dots" else ""
    if table.form != "dots":
        table.rows[row]["y"] = f"[[0, {len(table.rows[row]['sequence']) + 1}]]"
    return f"row {row + 1}, column 'y'"


def _odd_structure(table: Table, random: Random, row: int) -> str:
    bases = len(table.rows[row]["sequence"])
    table.rows[row]["y"] = random.choice(
        ("(" + "." * (bases - 1), "X" * bases, "." * (bases - 1) + "]")
        if table.form == "dots"
        else ("[[3, 3]]", "[[1, 5], [5, 2]]", "[[1, 2, 3]]", "[[1.5, 4]]", "[3, 4]", "[[1, 4]")
    )
    return f"row {row + 1}"


FAULTS: dict[str, tuple[Callable[[Table, Random, int], str], Callable[[Table], bool]]] = {
    "label missing": (_missing_label, lambda table: True),
    "sequence missing": (_missing_sequence, lambda table: not table.joined),
    "foreign letter": (_foreign_letter, lambda table: True),
    "one value less": (_one_value_less, lambda table: table.level == "token"),
    "one value more": (_one_value_more, lambda table: table.level == "token"),
    "no number": (_no_number, lambda table: table.problem == "regression"),
    "longer structure": (_longer_structure, lambda table: table.level == "contact"),
    "odd structure": (_odd_structure, lambda table: table.level == "contact"),
    "record missing": (
        lambda table, random, row: "there is no sequence",
        lambda table: table.joined,
    ),
    "row missing": (lambda table, random, row: "there is no row", lambda table: table.joined),
    "record twice": (lambda table, random, row: "stands in record", lambda table: table.joined),
    "row cut": (lambda table, random, row: f"(row {row + 1})", lambda table: True),
    "row longer": (lambda table, random, row: f"(row {row + 1})", lambda table: True),
    "trailing commas": (lambda table, random, row: "(row 1)", lambda table: True),
    "quote opened": (lambda table, random, row: f"line {row + 2}", lambda table: True),
    "column twice": (lambda table, random, row: "are both called", lambda table: True),
    "id twice": (lambda table, random, row: "stands in row", lambda table: table.level != "pair"),
}
"""What can be wrong: how, what the refusal says, and where it makes sense."""


def generated(random: Random) -> Table:
    """Return a table with the habits of its author, and perhaps a fault."""
    table = drawn(random)
    table.joined = table.level in ("sequence", "token") and random.random() < 0.3
    if random.random() < 0.5:
        table.fault = random.choice([name for name, (_, fits) in FAULTS.items() if fits(table)])
        row = random.randrange(1, len(table.rows))
        table.words = FAULTS[table.fault][0](table, random, row)
    textual = table.fault in ("row cut", "row longer", "trailing commas", "quote opened")
    endings = [".csv", ".CSV", ".csv.gz"] if textual else [".csv", ".csv.gz", ".tsv", ".parquet"]
    table.ending = random.choice(endings)
    habits = ["index", "padded header", "windows", "bom", "note", "all quoted", "blank lines"]
    table.habits = [habit for habit in habits if random.random() < 0.25]
    if table.fault == "quote opened":
        others = ("all quoted", "note", "blank lines")
        table.habits = [habit for habit in table.habits if habit not in others] + ["note"]
    return table


def written(table: Table, folder: Path, random: Random) -> Path:
    """Write a table, and return its path."""
    path = folder / f"train{table.ending}"
    header, lines = _grid(table, random)
    if table.ending == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        native = table.form == "json" and table.level == "token"  # lists as they are
        columns = [
            pa.array([_listed(cell) if native else cell for cell in column])
            for column in zip(*lines, strict=True)
        ]
        parquet.write_table(pa.Table.from_arrays(columns, names=header), path)
        return path
    tabs = table.ending == ".tsv"
    end = "\r\n" if "windows" in table.habits else "\n"
    quoting: Any = csv.QUOTE_ALL if "all quoted" in table.habits else csv.QUOTE_MINIMAL
    texts = []
    for number, cells in enumerate([header, *lines]):
        if tabs:
            quoted = "all quoted" in table.habits
            doubled = [cell.replace('"', '""') for cell in cells]
            line = "\t".join([f'"{cell}"' for cell in doubled] if quoted else cells)
        else:
            stream = io.StringIO()
            csv.writer(stream, quoting=quoting, lineterminator="").writerow(cells)
            line = stream.getvalue()
        texts.append(_damaged(line, table, number, cells))
        texts += [""] if "blank lines" in table.habits and random.random() < 0.2 else []
    content = (("\ufeff" if "bom" in table.habits else "") + end.join(texts) + end).encode()
    path.write_bytes(gzip.compress(content) if table.ending.endswith(".gz") else content)
    return path


def _listed(cell: str) -> Any:
    """Return a list that a cell spells, nothing for what is missing, else the cell."""
    return json.loads(cell) if cell.startswith("[") else None if cell in MISSING else cell


def fasta(table: Table, folder: Path, random: Random) -> Path:
    """Write the sequences of a table as FASTA records, in an order of their own."""
    records = [(f"s{number}", row["sequence"]) for number, row in enumerate(table.rows)]
    random.shuffle(records)
    if table.fault == "record missing":
        records.pop()
    if table.fault in ("row missing", "record twice"):
        records.append((records[0][0] if table.fault == "record twice" else "more", "ACGU"))
    lines = []
    for name, sequence in records:
        half = random.randrange(len(sequence) + 1)
        wrapped = [part for part in (sequence[:half], sequence[half:]) if part]
        lines += [f">{name}" + random.choice(("", " a remark")), *(wrapped or [sequence])]
    path = folder / f"train{random.choice(('.fa', '.fasta', '.fna.gz'))}"
    content = "\n".join(lines).encode() + b"\n"
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    table.truth = [table.truth[int(name[1:])] for name, _ in records if name[1:].isdigit()]
    table.rows = [table.rows[int(name[1:])] for name, _ in records if name[1:].isdigit()]
    return path


def _grid(table: Table, random: Random) -> tuple[list[str], list[list[str]]]:
    """Return the header and the cells of each row, with further columns that habit adds."""
    header = [c for c in table.columns if not (table.joined and c == "sequence")]
    lines = [[row[column] for column in header] for row in table.rows]
    if table.joined and table.fault != "id twice":
        header.insert(0, "id")
        lines = [[f"s{number}", *line] for number, line in enumerate(lines)]
    if "note" in table.habits:
        header.append("note")
        lines = [[*line, "x, y"] for line in lines]
    if table.fault == "id twice":
        header.insert(0, "id")
        lines = [[f"s{max(number, 1)}", *line] for number, line in enumerate(lines)]
    if "index" in table.habits:
        header.insert(0, "" if table.ending != ".parquet" else "__index_level_0__")
        lines = [[str(number), *line] for number, line in enumerate(lines)]
    if table.fault == "column twice":
        header.append(table.columns[-1])
        lines = [[*line, "1"] for line in lines]
    if "padded header" in table.habits:
        header = [f" {name}" if name else name for name in header]
    return header, lines


def _damaged(line: str, table: Table, number: int, cells: list[str]) -> str:
    """Return a line of text with the fault of its table, if it has it here."""
    here = table.words in (f"(row {number})", f"line {number + 1}")
    if table.fault == "trailing commas":
        return line + "," * bool(number)
    if here and table.fault == "row cut":
        return line[: line.rindex(",")] if len(cells) > 1 and '"' not in line else "ACGU"
    if here and table.fault == "row longer":
        return line + ",1"
    if here and table.fault == "quote opened":
        return line.replace('"x, y"', '"x, y')
    return line


def read(table: Table, files: tuple[Path, ...], folder: Path) -> tuple[Any, Any]:
    """Return the task that is declared of a table, and the items of its train part."""
    first: Any = {"from 0": 0, "from 1": 1, "tuples": 1}.get(table.form)
    level: Any = table.level
    problem: Any = table.problem
    labels = ("y",) if table.columns[-1] == "y" else tuple(c for c in table.columns if c[0] == "y")
    data = OwnData(files, files, level, problem, labels, first_base=first)
    task = declare(data, folder / "own")
    return task, load_dataset(task, simulated=False).parts["train"]


def outcome(table: Table, folder: Path, random: Random) -> str:
    """Return how a table was taken: ``read``, ``refused``, or what differs."""
    files: tuple[Path, ...] = (written(table, folder, random),)
    if table.joined:
        files = (fasta(table, folder, random), *files)
    try:
        task, items = read(table, files, folder)
    except BenchError as error:
        if not table.fault:
            return f"refused without a fault: {error}"
        return "refused" if table.words in str(error) else f"refused for another reason: {error}"
    if table.fault:
        return f"read in spite of its fault ({table.fault})"
    if list(task.labels) != table.labels:
        return f"labels {task.labels}, not {table.labels}"
    if len(items) != len(table.rows):
        return f"{len(items)} items of {len(table.rows)} rows"
    for number, (item, row, truth) in enumerate(zip(items, table.rows, table.truth, strict=True)):
        sequences = [item.first, item.second] if table.level == "pair" else [item.sequence]
        if sequences != [row[name] for name in table.sequences]:
            return f"row {number + 1}: another sequence"
        found = item.pairs if table.level == "contact" else item.values()
        if not np.array_equal(found, truth, equal_nan=True):
            return f"row {number + 1}: {found.tolist()}, not {truth.tolist()}"
    return "read"


def main(arguments: list[str] | None = None) -> int:
    """Try tables, and print how they were taken; 1 if any was read otherwise than it was meant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tables", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    wrong: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(chosen.tables):
            random = Random(f"{chosen.seed}/{number}")
            table = generated(random)
            place = Path(folder) / str(number)
            place.mkdir()
            found = outcome(table, place, random)
            counts[found if found in ("read", "refused") else "silent or wrong"] += 1
            if found not in ("read", "refused"):
                wrong.append((number, table.level, table.problem, table.form, table.ending, found))
    for entry in wrong[:20]:
        print(*entry)
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
