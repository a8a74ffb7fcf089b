"""The data of a task as Croissant describes data sets: JSON-LD that other tools read.

Croissant 1.0, http://mlcommons.org/croissant/1.0. Files have their checksums; the columns of tables
with a line of names are fields. FASTA and structures have no fields there: the task's reader is
what knows them.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from rnaernie_bench.task.files import Table
from rnaernie_bench.task.task import Task

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"

FORMATS = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".parquet": "application/x-parquet",
    ".gz": "application/gzip",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
}
"""End of a file's name -> media type; others are plain text."""

_HUB = "https://huggingface.co/datasets/{source}/tree/{revision}"


def croissant(task: Task) -> dict[str, Any]:
    """Return the metadata of a task's data set.

    A file without a public address has its path below a folder of `RNAERNIE_BENCH_DATA` as its
    address, which is what Croissant calls a local file.
    """
    data = task.dataset
    address = next((file.url for file in task.data_files.values() if file.url), "")
    context = files("rnaernie_bench.task").joinpath("croissant.context.json")
    hub = {name: table for name, table in data.tables.items() if not table.sha256}
    return {
        "@context": json.loads(context.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": data.name,
        "description": " ".join([f"{task.title}.", *task.caveats]),
        "license": data.licence,
        "citeAs": data.citation,
        "version": f"{task.version}.0.0",
        "keywords": ["RNA", task.level, task.problem, task.name],
        **({"url": address} if address else {}),
        "distribution": [
            *(_file(n, f.path, f.url, f.sha256) for n, f in task.data_files.items()),
            *(_repository(name, table) for name, table in hub.items()),
        ],
        "recordSet": [
            _records(name, table)
            for name, table in data.tables.items()
            if name not in hub and not (table.header or table.separator or table.comment)
        ],
    }


def _file(name: str, path: str, url: str, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": url or path,
        "encodingFormat": FORMATS.get(PurePosixPath(path).suffix, "text/plain"),
        "sha256": sha256,
    }


def _repository(name: str, table: Table) -> dict[str, Any]:
    """Return a hub set, which is pinned by its commit."""
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": _HUB.format(source=table.source, revision=table.revision),
        "encodingFormat": "git+https",
        "sha256": str(table.revision),
    }


def _records(name: str, table: Table) -> dict[str, Any]:
    """Return the records of a table: the columns that the task reads, as texts."""
    labels = table.labels or {"label": table.label}
    columns = {
        table.sequence: "sequence",
        **{column: label for label, column in labels.items()},
        **{column: f"standard error of {label}" for label, column in table.errors.items()},
        **({table.group: "group of relatives"} if table.group else {}),
    }
    return {
        "@type": "cr:RecordSet",
        "@id": f"{name}_records",
        "name": f"{name}_records",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}_records/{column}",
                "name": f"{name}_records/{column}",
                "description": meaning,
                "dataType": "sc:Text",
                "source": {"fileObject": {"@id": name}, "extract": {"column": column}},
            }
            for column, meaning in columns.items()
        ],
    }
