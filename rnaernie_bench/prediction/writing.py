"""Predictions as files: a table, a notation of structures, a picture."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.prediction.predictor import Form, Predictor
from rnaernie_bench.structure.writers import WRITERS

TABLE = ".tsv"
PICTURES = (".svg", ".png")


def check_output(form: Form, output: Path) -> None:
    """Refuse a name whose end is that of another format, before anything is computed.

    Raises:
        ConfigError: naming the ends there are.
    """
    if form.notations:
        _check_end(_end(output), output, (*form.notations, TABLE), "structures")
    elif _end(output) in WRITERS:
        raise ConfigError("the run predicts no structures", where=output, remedy=f"use {TABLE}")


def check_picture(form: Form, picture: Path) -> None:
    """Refuse a picture where there is nothing to draw, or one in another format.

    Raises:
        ConfigError: naming the ends there are.
    """
    if form.draw is None:
        raise ConfigError("the run predicts no base pairs to draw", where="--picture")
    _check_end(picture.suffix, picture, PICTURES, "pictures")


def _check_end(end: str, path: Path, ends: Sequence[str], what: str) -> None:
    if end not in ends:
        raise ConfigError(
            f"'{end}' is no format of {what}", where=path, remedy=f"use {', '.join(ends)}"
        )


def write(
    predictor: Predictor, predictions: Iterable[tuple[Any, Any]], output: Path | IO[str]
) -> tuple[int, int]:
    """Write predictions as the end of the file's name says, whole or not at all.

    Args:
        predictor: the model.
        predictions: items with what it predicts of them.
        output: a file, gzipped if its name ends in `.gz`; or a stream, to which the usual notation
            is written, or else the table.

    Returns:
        How many items there were, and how many of them were truncated.

    Raises:
        BenchError: if the file cannot be written.
    """
    form, count, truncated = predictor.form, 0, 0

    def texts(notation: Callable[[Any], str] | None) -> Iterator[str]:
        nonlocal count, truncated
        if notation is None:
            yield "\t".join(form.header(predictor)) + "\n"
        for item, found in predictions:
            count += 1
            truncated += getattr(found, "truncated", False)
            if notation is not None:
                yield notation(found)
            else:
                yield from ("\t".join(row) + "\n" for row in form.rows(predictor, item, found))

    if isinstance(output, Path):
        with _opened(output) as file:
            file.writelines(texts(form.notations.get(_end(output))))
    else:
        output.writelines(texts(next(iter(form.notations.values()), None)))
    return count, truncated


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Give a text file that appears when it is whole."""
    with atomic_path(path) as temporary, ExitStack() as stack:
        binary: Any = stack.enter_context(temporary.open("wb"))
        if path.suffix == ".gz":  # without time and name, equal predictions give equal bytes
            packed = gzip.GzipFile("", "wb", fileobj=binary, mtime=0)
            binary = stack.enter_context(packed)
        yield stack.enter_context(io.TextIOWrapper(binary, encoding="utf-8", newline="\n"))


def _end(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
