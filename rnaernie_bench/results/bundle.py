"""Records and predictions in one file, to be handed to others.

A bundle is a ZIP file: `manifest.json` with the size and SHA-256 of every other member, then
`<task>/<split>/<run_id>.json`, with predictions and items beside them, as in a folder of results.
Members are stored uncompressed (predictions are compressed already), in order and without dates:
equal records make equal bytes on every machine, and a bundle cannot unfold into more than its own
size.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rnaernie_bench.core.documents import parse_json
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import as_json, atomic_path
from rnaernie_bench.results.predictions import Predictions
from rnaernie_bench.results.record import SCHEMA_VERSION, Record, schema_faults

MANIFEST = "manifest.json"
MAX_BYTES = 1 << 30
"""Of a bundle: some ten thousand records."""
MAX_MEMBER_BYTES = 1 << 26
MAX_MEMBERS = 50_000

_MEMBER = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*/){2}[0-9a-f]{12}\.(?:json|parquet|(?:seeds|items)\.parquet)"
)
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that ZIP knows

_ADVICE = "ask whoever sent it for a bundle made by `rnaernie-bench results submit`"


def write_bundle(path: Path, records: Sequence[tuple[Record, Predictions]]) -> str:
    """Write a bundle, whole or not at all.

    Args:
        path: the file to make or to replace.
        records: records with their predictions, as `publishable` gives them.

    Returns:
        The SHA-256 of the bundle.

    Raises:
        ResultError: a record or its predictions hold what must not be handed on.
        BenchError: the file cannot be written.
    """
    from rnaernie_bench.results.store import store

    for record, predictions in records:
        private = next(_private(record, "$"), None) or next(_private_groups(predictions), None)
        if private:
            raise ResultError(
                private,
                where=f"record {record['run_id']}",
                remedy="it must not be handed on: correct the setting and repeat the run",
            )
    with TemporaryDirectory(prefix="rnaernie-bench-") as folder:
        for record, predictions in records:
            store(record, predictions, Path(folder))
        files = sorted(Path(folder).glob("*/*/*"))
        members = {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
    manifest = {
        "schema": 1,
        "record_schema": SCHEMA_VERSION,
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(members.items())
        },
    }
    with atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as bundle:
            for name, content in [(MANIFEST, _json(manifest)), *sorted(members.items())]:
                information = zipfile.ZipInfo(name, _DATE)
                information.create_system, information.external_attr = 3, 0o644 << 16
                bundle.writestr(information, content)
        return hashlib.sha256(temporary.read_bytes()).hexdigest()


def unpack(path: Path, folder: Path) -> None:
    """Write the members of a bundle into an empty folder, which is then one of results.

    Nothing is written outside it, whatever the bundle says. The records are not validated.

    Args:
        path: the bundle.
        folder: an existing folder.

    Raises:
        ResultError: the file is missing or no bundle; a member is unknown, missing, too large or
            not what the manifest says.
    """
    try:
        if path.exists() and not path.is_file():
            raise _refusal(path, "no file")
        if path.stat().st_size > MAX_BYTES:
            raise _refusal(path, f"larger than {MAX_BYTES >> 20} MiB")
        with zipfile.ZipFile(path) as bundle:
            members = _checked_members(path, bundle)
            manifest = _manifest(path, bundle.read(members.pop(MANIFEST)))
            odd = sorted(members.keys() ^ manifest.keys())
            if odd:
                what = "is not in the manifest" if odd[0] in members else "is missing"
                raise _refusal(path, f"the member {odd[0]!r} {what}")
            for name, member in members.items():
                content = bundle.read(member)
                digest = hashlib.sha256(content).hexdigest()
                if manifest[name] != {"sha256": digest, "bytes": len(content)}:
                    raise _refusal(path, f"{name} is not as in the manifest")
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
    except FileNotFoundError as error:
        raise ResultError(
            "no such bundle or folder of results", where=path, remedy="correct the path"
        ) from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise _refusal(path, f"no bundle, or a damaged one ({error})") from error


def _checked_members(path: Path, bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name, once it is known that reading them can do no harm."""
    listed = bundle.infolist()
    if len(listed) > MAX_MEMBERS:
        raise _refusal(path, f"more than {MAX_MEMBERS:,} members")
    if sum(member.file_size for member in listed) > MAX_BYTES:
        raise _refusal(path, f"members of more than {MAX_BYTES >> 20} MiB")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in listed:
        name = member.filename
        if name != MANIFEST and not _MEMBER.fullmatch(name):
            raise _refusal(path, f"unknown member {name[:80]!r}")
        if name in members:
            raise _refusal(path, f"two members are called {name!r}")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise _refusal(path, f"{name} is compressed or encrypted")
        if member.file_size > MAX_MEMBER_BYTES:
            raise _refusal(path, f"{name} is larger than {MAX_MEMBER_BYTES >> 20} MiB")
        members[name] = member
    if MANIFEST not in members:
        raise _refusal(path, f"no {MANIFEST}")
    return members


def _manifest(path: Path, content: bytes) -> Mapping[str, Any]:
    """Return the files that a manifest lists."""
    try:
        manifest = parse_json(content.decode())
    except ValueError as error:
        raise _refusal(path, f"{MANIFEST} is damaged") from error
    fault = next(schema_faults(manifest, "bundle.schema.json"), None)
    if fault:
        raise _refusal(path, f"{MANIFEST}: {fault[0]}: {fault[1]}")
    if manifest["record_schema"] > SCHEMA_VERSION:
        raise ResultError(
            f"its records are of schema {manifest['record_schema']}",
            where=path,
            remedy="use a newer version of rnaernie-bench",
        )
    return dict(manifest["files"])


def _refusal(path: Path, what: str) -> ResultError:
    return ResultError(f"not a sound bundle: {what}", where=path, remedy=_ADVICE)


def _json(value: object) -> bytes:
    return f"{as_json(value)}\n".encode()


_PATH = re.compile(r"(?:^|[\s='\"(,])(?:file:|~|/[^/\s]|[A-Za-z]:[\\/]|\\\\)")
_SEQUENCE = re.compile(r"[ACGTUN]{16}", re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _private(value: object, path: str) -> Iterator[str]:
    """Yield where a record holds a path of the machine, or a sequence."""
    if isinstance(value, str):
        if _PATH.search(value):
            yield f"{path} looks like a path of this machine"
        elif _SEQUENCE.search(value) and not _DIGEST.fullmatch(value):
            yield f"{path} looks like a sequence"
    elif isinstance(value, Mapping):
        for name, child in value.items():
            yield from _private(name, f"the name {path}.{name}")
            yield from _private(child, f"{path}.{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _private(child, f"{path}[{index}]")


def _private_groups(predictions: Predictions) -> Iterator[str]:
    """Yield how predictions could hold more than scores: ids are hashed, groups are names."""
    for group in sorted(set(predictions.groups)):
        yield from _private(group, f"the group {group[:24]!r} of the predictions")
