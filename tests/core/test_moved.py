from __future__ import annotations

import importlib
import sys

import pytest

from rnaernie_bench.core.moved import MOVED, PACKAGE


@pytest.mark.parametrize("old", sorted(MOVED))
def test_documented_names_of_before_still_import_and_warn(old: str) -> None:
    sys.modules.pop(f"{PACKAGE}.{old}", None)
    with pytest.warns(DeprecationWarning, match=MOVED[old]):
        moved = importlib.import_module(f"{PACKAGE}.{old}")
    current = importlib.import_module(f"{PACKAGE}.{MOVED[old]}")
    public = [name for name in vars(current) if not name.startswith("_")]
    assert all(getattr(moved, name) is getattr(current, name) for name in public)
    assert current.__spec__ is not None
    assert current.__spec__.name == f"{PACKAGE}.{MOVED[old]}"


DOCUMENTED = {
    "catalogue": "BaselineEntry EncoderEntry HEADS HeadEntry LauncherEntry StrategyEntry resolve",
    "embedding": "embed",
    "errors": "BenchError ConfigError DataError ResultError",
    "fitting": "FitContext FitReport Fitted",
    "validation": "added",
    "backbones.encoder": "Encoder weights_sha256",
    "cli.main": "main",
    "heads.sequence": "MeanHead PooledHead head_config",
    "heads.token": "TokenHead",
    "testing": "mock_encoder try_out",
}
"""What the pages of 0.1.0 import, by module."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("module", DOCUMENTED)
def test_documented_imports_of_the_first_release(module: str) -> None:
    found = importlib.import_module(f"{PACKAGE}.{module}")
    assert [name for name in DOCUMENTED[module].split() if not hasattr(found, name)] == []


def test_other_names_stay_unknown() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{PACKAGE}.no_such_module")
