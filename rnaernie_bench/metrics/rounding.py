"""Floating-point numbers with fewer significant bits, which compressors make less of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_BITS: dict[np.dtype[Any], tuple[type[np.unsignedinteger[Any]], int]] = {
    np.dtype(np.float16): (np.uint16, 10),
    np.dtype(np.float32): (np.uint32, 23),
}
"""By type, the integers of the same size and the stored bits of the significand."""


def significant_bits(dtype: np.dtype[Any]) -> int:
    """Return the stored bits of the significand: 10 of float16, 23 of float32, else 0."""
    return _BITS[dtype][1] if dtype in _BITS else 0


def rounded(values: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    """Return numbers rounded to so many bits of the significand, ties to even.

    The relative error is 2^-(bits + 1) at most. Zeros, infinities and nan stay what they are, and
    what would become infinite stays as it is.

    Args:
        values: float16 or float32, of any shape.
        bits: 0 or more; from what the type has on, nothing changes.
    """
    unsigned, stored = _BITS[values.dtype]
    if bits >= stored:
        return values
    drop = stored - bits
    raw = np.ascontiguousarray(values).view(unsigned)
    # In a wider type, so that no carry is lost; it may run into the exponent, which is right.
    wide = raw.astype(np.uint64)
    even = (wide >> drop) & 1
    near = ((wide + (1 << (drop - 1)) - 1 + even) >> drop) << drop
    found = near.astype(unsigned).view(values.dtype)
    return np.where(np.isfinite(values) & np.isfinite(found), found, values)
