"""Paddle's checkpoints without Paddle: pickled NumPy arrays, read without executing anything.

Unpickling a file calls anything that the file names. Here the few names that the pickle of an array
holds become inert records, any other name is refused before it is imported, and the arrays are
made from the records by this module.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.files import unreadable

_NAMES = "StructuredToParameterName@@"
"""Paddle's entry with the names that its tensors have in a program."""
_FLOATS = ("f2", "f4", "f8")


class _Inert:
    """What a pickle says about an object, in place of the object."""

    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Array(_Inert):
    """Has the state (version, shape, type, Fortran order, bytes)."""


class _Type(_Inert):
    """Has the arguments (code, ...) and the state (version, byte order, ...)."""


class _Bytes(_Inert):
    """Has the arguments (text, "latin1"): how old protocols spell bytes."""


_KNOWN: dict[tuple[str, str], type[_Inert]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Inert,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _Bytes,
}


class _Refused(pickle.UnpicklingError):
    """The file names something that an array does not need."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}"[:80]) from None


def read_checkpoint(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a ``.pdparams`` file by name.

    Raises:
        DataError: if the file cannot be read, is not a checkpoint, names anything but arrays of
            numbers, or holds a damaged tensor, which is named.
    """
    try:
        with path.open("rb") as file:
            content = _Unpickler(file).load()
    except OSError as error:
        raise unreadable(error, path) from error
    except _Refused as error:
        raise DataError(
            f"refused: it asks for '{error}', which no checkpoint needs; nothing was executed",
            where=path,
            remedy="do not open it with other programs, and get the file from its authors",
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        reason = f"{type(error).__name__}: {error}"[:120]
        raise DataError(
            f"it is not a whole Paddle checkpoint ({reason})",
            where=path,
            remedy="give the file model_state.pdparams, complete as its authors published it",
        ) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise DataError("it has no tensors by name", where=path, remedy="give model weights")
    return {name: _tensor(name, value, path) for name, value in content.items() if name != _NAMES}


def _tensor(name: str, value: Any, path: Path) -> NDArray[np.float32]:
    """Make the array that a record describes."""
    if not isinstance(value, _Array):
        raise DataError(
            f"'{name}' is not a tensor",
            where=path,
            remedy="give the model's weights, not the state of an optimiser",
        )
    try:
        _, shape, kind, fortran, data = value.state
        code, order = kind.arguments[0], kind.state[1]
        if isinstance(data, _Bytes):
            text, encoding = data.arguments
            data = text.encode({"latin1": "latin1"}[encoding])
        sound = type(kind) is _Type and all(type(size) is int and size >= 0 for size in shape)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"the tensor '{name}' is damaged", where=path) from error
    if not sound or code not in _FLOATS or order not in ("<", ">", "=", "|"):
        raise DataError(
            f"the tensor '{name}' holds {str(code)[:20]!r}, not floating-point numbers",
            where=path,
        )
    try:
        flat = np.frombuffer(data, np.dtype(code).newbyteorder(order))
        with np.errstate(over="ignore"):  # an infinity is reported below
            array = flat.reshape(shape, order="F" if fortran else "C").astype(np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the tensor '{name}' is damaged: its content does not fill the shape {shape}",
            where=path,
        ) from error
    if not np.isfinite(array).all():
        raise DataError(f"the tensor '{name}' holds infinities or NaN", where=path)
    return array
