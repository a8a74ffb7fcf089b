"""What networks compute in: bfloat16 or float32, by what the device has and what is the faster.

A processor is never known by its name. What it says it has decides whether matrix products in
bfloat16 are tried at all; a calibration of a tenth of a second, kept in the cache, whether they
are the faster. For products in float32, torch has two libraries on a CPU, its BLAS and oneDNN; of
these too the faster is taken, where it computes what float32 does.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from rnaernie_bench.core import environment, paths
from rnaernie_bench.core.files import write_json

Option = Literal["auto", "fp32", "bf16"]
Precision = Literal["fp32", "bf16"]

WORTH_IT = 1.2
"""How many times as fast bfloat16 has to be: casts take time as well."""
FLOAT32_ERROR = 1e-5
"""The largest relative error of a product in float32; bfloat16's is 3e-3."""

_SHAPE = 1024, 256, 512
_SECONDS = 0.03
"""What each kind of product is timed for."""


@dataclass(frozen=True)
class Speeds:
    """Measured speeds of matrix products on this CPU, in GFLOP/s."""

    blas: float
    """float32, as torch comes."""
    onednn: float
    """float32 by oneDNN; 0 where that rounds its factors."""
    bf16: float
    """bfloat16."""

    @property
    def float32(self) -> float:
        """The faster of the two in float32."""
        return max(self.blas, self.onednn)


def chosen(option: Option) -> Precision:
    """Return what to compute in on this machine, and make its float32 as fast as it gets.

    Args:
        option: of the settings. `auto` is bf16 on a GPU that has it, and on a CPU that has it and
            is measured to be the faster for it.
    """
    if torch.accelerator.is_available():
        return "bf16" if option == "bf16" or (option == "auto" and _native_bf16()) else "fp32"
    if option != "bf16" and not environment.bf16_features():
        return "fp32"
    speeds = measured()
    prefer_onednn(speeds.onednn > 1.05 * speeds.blas)
    faster = speeds.bf16 > WORTH_IT * speeds.float32
    return "bf16" if option == "bf16" or (option == "auto" and faster) else "fp32"


def once_more(precision: Precision) -> Precision:
    """Return what a saved network that computed in `precision` computes in here.

    The same, so that its scores are the same; float32 where nothing here computes in bf16.
    """
    return precision if _native_bf16() else "fp32"


def _native_bf16() -> bool:
    """Return whether the device has instructions for bfloat16."""
    if torch.accelerator.is_available():
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return bool(environment.bf16_features())


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which a network on `device` computes in a precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def in_float32(outputs: Any) -> Any:
    """Return what a network gave, of any nesting, with its tensors of fewer digits in float32."""
    if isinstance(outputs, Mapping):
        return type(outputs)(**{name: in_float32(value) for name, value in outputs.items()})
    if isinstance(outputs, tuple | list):
        return type(outputs)(in_float32(value) for value in outputs)
    return outputs.float() if isinstance(outputs, Tensor) else outputs


def prefer_onednn(wanted: bool) -> None:
    """Have products in float32 computed by oneDNN, or by torch's BLAS.

    torch hands them to oneDNN where it may round. On processors where `measured` found float32's
    results all the same, oneDNN has no instructions to round for, and is merely the faster.
    """
    torch.set_float32_matmul_precision("medium" if wanted else "highest")


@functools.cache
def measured() -> Speeds:
    """Return the speeds of this machine's CPU, from the cache if they were measured before."""
    known = json.dumps(
        [torch.__version__, torch.__config__.show(), environment.cpu_model(),
         environment.bf16_features(), torch.get_num_threads()]
    )  # fmt: skip
    name = hashlib.sha256(known.encode()).hexdigest()[:16]
    file = paths.cache_folder() / "precision" / f"{name}.json"
    try:
        return Speeds(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        speeds = _measure()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, asdict(speeds))
    except OSError:
        pass  # a cache that cannot be written to: it is measured again next time
    return speeds


def _measure() -> Speeds:
    """Time products as of a layer, each kind by turns and by its best time."""
    rows, inputs, outputs = _SHAPE
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, inputs, generator=generator)
    weight = torch.randn(outputs, inputs, generator=generator)
    exact = F.linear(x.double(), weight.double())
    low = x.bfloat16(), weight.bfloat16()
    before = torch.get_float32_matmul_precision()
    try:
        prefer_onednn(True)
        error = float((F.linear(x, weight) - exact).norm() / exact.norm())
        onednn = _seconds(lambda: F.linear(x, weight))
        prefer_onednn(False)
        blas = _seconds(lambda: F.linear(x, weight))
    finally:
        torch.set_float32_matmul_precision(before)
    bf16 = _seconds(lambda: F.linear(*low))
    work = 2 * rows * inputs * outputs / 1e9
    return Speeds(
        blas=round(work / blas, 1),
        onednn=round(work / onednn, 1) if error < FLOAT32_ERROR else 0.0,
        bf16=round(work / bf16, 1),
    )


def _seconds(product: Callable[[], object]) -> float:
    """Return the least time of a product among those of a moment, after one that is not timed."""
    product()
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while (start := time.perf_counter()) < end:
        product()
        best = min(best, time.perf_counter() - start)
    return best
