"""The hash of weights: equal for equal weights, and for nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnaernie_bench.backbones.encoder import weights_sha256


def holding(**tensors):
    module = nn.Module()
    for name, tensor in tensors.items():
        module.register_buffer(name, tensor)
    return module


def test_order_of_registration_and_memory_layout_do_not_matter():
    a, b = torch.rand(3, 4), torch.rand(2)
    assert weights_sha256(holding(a=a, b=b)) == weights_sha256(holding(b=b, a=a))
    assert weights_sha256(holding(a=a.T)) == weights_sha256(holding(a=a.T.contiguous()))


@pytest.mark.parametrize(
    "other",
    [
        {"b": torch.ones(4)},
        {"a": torch.ones(2, 2)},
        {"a": torch.ones(4).double()},
        {"a": torch.tensor([1, 1, 1, 1 + 1e-7])},
    ],
    ids=["name", "shape", "type", "value"],
)
def test_every_difference_counts(other):
    assert weights_sha256(holding(**other)) != weights_sha256(holding(a=torch.ones(4)))


def test_scalars_count():
    assert weights_sha256(holding(a=torch.tensor(1.0))) != weights_sha256(
        holding(a=torch.tensor(2.0))
    )
