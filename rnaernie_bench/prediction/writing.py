"""Predictions as files: a table, a notation of structures, a picture."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    end = _end(output)
    if form.notations and end not in (*form.notations, TABLE):
        raise ConfigError(
            f"'{output.suffix}' is no format of structures",
            where=output,
            remedy=f"use {', '.join((*form.notations, TABLE))}, perhaps with .gz behind",
        )
    if not form.notations and end in WRITERS:
        raise ConfigError(
            "the run predicts no structures",
            where=output,
            remedy=f"use {TABLE}",
        )


def check_picture(form: Form, picture: Path) -> None:
    """Refuse a picture where there is nothing to draw, or one in another format.

    Raises:
        ConfigError: naming the ends there are.
    """
    if form.draw is None:
        raise ConfigError("the run predicts no base pairs to draw", where="--picture")
    if picture.suffix not in PICTURES:
        raise ConfigError(
            f"'{picture.suffix}' is no format of pictures",
            where=picture,
            remedy=f"use {' or '.join(PICTURES)}",
        )


def write(
    predictor: Predictor, predictions: Iterable[tuple[Any, Any]], output: Path | IO[str]
) -> int:
    """Write predictions as the end of the file's name says, whole or not at all.

    Args:
        predictor: the model.
        predictions: items with what it predicts of them.
        output: a file, gzipped if its name ends in `.gz`; or a stream, to which the usual notation
            is written, or else the table.

    Returns:
        The number of items.

    Raises:
        BenchError: if the file cannot be written.
    """
    form, count = predictor.form, 0

    def counted() -> Iterator[tuple[Any, Any]]:
        nonlocal count
        for count, found in enumerate(predictions, start=1):  # noqa: B007
            yield found

    if isinstance(output, Path):
        notation = form.notations.get(_end(output))
        with _opened(output) as file:
            file.writelines(_texts(predictor, counted(), notation))
    else:
        notation = next(iter(form.notations.values()), None)
        output.writelines(_texts(predictor, counted(), notation))
    return count


def _texts(
    predictor: Predictor, predictions: Iterable[tuple[Any, Any]], notation: Any
) -> Iterator[str]:
    """Yield the text of a file: predictions in a notation, or a table if there is none."""
    form = predictor.form
    if notation is None:
        yield "\t".join(form.header(predictor)) + "\n"
    for item, found in predictions:
        if notation is not None:
            yield notation(found)
        else:
            for cells in form.rows(predictor, item, found):
                yield "\t".join(cells) + "\n"


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Give a text file that appears when it is whole."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        packed = path.suffix == ".gz"
        # Without time and name, equal predictions give equal bytes.
        binary: Any = gzip.GzipFile("", "wb", fileobj=stream, mtime=0) if packed else stream
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()
        if packed:
            binary.close()


def _end(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
