"""What a run can predict: one object a kind of answer, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rnaernie_bench.metrics.answers.base import Answer
from rnaernie_bench.metrics.answers.decisions import BINARY, MULTILABEL
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.answers.regression import REGRESSION
from rnaernie_bench.metrics.answers.structure import STRUCTURE
from rnaernie_bench.metrics.answers.units import (
    TOKEN_BINARY,
    TOKEN_MULTICLASS,
    TOKEN_MULTILABEL,
    TOKEN_REGRESSION,
)

ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {
        answer.name: answer
        for answer in (
            MULTICLASS, BINARY, MULTILABEL, REGRESSION, STRUCTURE,
            TOKEN_BINARY, TOKEN_MULTICLASS, TOKEN_MULTILABEL, TOKEN_REGRESSION,
        )
    }
)  # fmt: skip
"""Answers by name; levels say which answers which problem (`levels`)."""
