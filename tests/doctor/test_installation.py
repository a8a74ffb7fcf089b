from __future__ import annotations

import email.message
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from rnaernie_bench.core.checks import Finding
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.doctor import installation
from rnaernie_bench.doctor.installation import accelerator, among_themselves, packages, unmet

TORCH = """
class cuda:
    is_available = staticmethod(lambda: {gpu})
    device_count = staticmethod(lambda: 2)
    get_device_name = staticmethod(lambda i: 'Accelerator')
    is_bf16_supported = staticmethod(lambda: True)
class backends:
    class mps:
        is_available = staticmethod(lambda: False)
class version:
    cuda = hip = None
get_num_threads = lambda: {threads}
"""


@pytest.fixture
def fake_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a torch of this text before the real one, in new processes."""

    def write(text: str) -> None:
        (tmp_path / "torch.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    monkeypatch.setattr(installation, "available_cores", lambda: 4)
    return write


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ("5.4", ""),
        ("6.0.dev1", ""),
        ("5.1.2", "5.1.2 is installed, >=5.4 is needed"),
        (None, "is missing, >=5.4 is needed"),
    ],
)
def test_unmet(found: str | None, wrong: str) -> None:
    assert unmet(Requirement("transformers>=5.4"), found) == wrong


def declare(monkeypatch: pytest.MonkeyPatch, requirements: list[str], extras: list[str]) -> None:
    """Let the package declare these, and its requirements nothing."""
    metadata = email.message.Message()
    for text in requirements:
        metadata["Requires-Dist"] = text
    for extra in extras:
        metadata["Provides-Extra"] = extra
    fake = {"rnaernie-bench": SimpleNamespace(metadata=metadata)}
    nothing = SimpleNamespace(requires=None)
    monkeypatch.setattr(installation, "distribution", lambda name: fake.get(name, nothing))


def test_packages_against_what_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(
        monkeypatch,
        [
            "torch>=2.7",
            "transformers>=5.4",
            "tqdm>=4",
            "multimolecule>=0.2.2",
            'winlib>=1; sys_platform == "nowhere"',
            'peft>=0.18; extra == "lora"',
            'ruff>=0.9; extra == "dev"',
        ],
        ["lora", "dev"],
    )
    versions = {"torch": "2.8.0", "transformers": "5.1", "multimolecule": "0.2.2"}
    _, *found = packages(versions.get)
    assert [(f.status, f.subject) for f in found] == [
        ("ok", "torch"),
        ("problem", "transformers"),
        ("problem", "tqdm"),
        ("ok", "multimolecule"),
        ("ok", "other requirements"),
        ("warning", "peft, extra lora (for strategy=lora)"),
    ]
    assert found[1].what == (
        "5.1 is installed, >=5.4 is needed (multimolecule needs 5.2 without declaring it)"
    )
    assert found[1].remedy == "run `pip install 'transformers>=5.4'`"
    assert "rnaernie-bench[lora]" in found[-1].remedy


def test_a_package_that_is_not_installed_knows_no_requirements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def distribution(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "distribution", distribution)
    assert [f.status for f in packages()] == ["ok", "warning"]


def test_requirements_among_themselves() -> None:
    versions = {"multimolecule": "0.2.2", "danling": "0.4.0", "numba": "0.6"}
    requires = {
        "multimolecule": ["danling[torch]>=0.4.1", 'jax; extra == "jax"'],
        "numba": ["danling"],
        "missing": ["nothing"],
    }
    found = list(among_themselves(requires, versions.get, requires.__getitem__))
    assert found == [
        Finding(
            "problem",
            "multimolecule 0.2.2",
            "its danling 0.4.0 is installed, >=0.4.1 is needed",
            "run `pip install 'danling>=0.4.1'`",
        )
    ]


def test_a_gpu_and_its_precision(fake_torch: Callable[[str], None]) -> None:
    fake_torch(TORCH.format(gpu=True, threads=3))
    assert list(map(str, accelerator())) == [
        "ok       accelerator: Accelerator, Accelerator; trains in bf16",
        "ok       cores: 4, of which torch uses 3",
    ]


def test_a_gpu_that_torch_was_not_built_for(
    fake_torch: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_torch(TORCH.format(gpu=False, threads=8))
    monkeypatch.setattr(installation, "_has_nvidia_gpu", lambda: True)
    gpu, cores = accelerator()
    assert (gpu.status, gpu.what) == (
        "warning",
        "there is an NVIDIA GPU, but this torch is built for CPUs alone",
    )
    assert (cores.status, cores.remedy) == ("warning", "set OMP_NUM_THREADS=4")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ImportError('libgpu.so: cannot open')", "ImportError: libgpu.so: cannot open"),
        ("import os; os._exit(7)", "it ended with status 7"),
    ],
)
def test_a_torch_that_cannot_be_imported(
    fake_torch: Callable[[str], None], text: str, reason: str
) -> None:
    fake_torch(text)
    torch, cores = accelerator()
    assert torch.status == "problem"
    assert torch.what.startswith(f"cannot be imported ({reason})")
    assert cores.what == "4"


def test_imports(fake_torch: Callable[[str], None]) -> None:
    fake_torch("raise OSError('broken')")
    assert [f.status for f in installation.imports(["json", "torch"])] == ["ok", "problem"]


def test_a_plugin_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnaernie_bench.task.catalogue import HEADS

    def get(name: str) -> None:
        if name == "mean":
            raise ConfigError("head 'mean' cannot be loaded", remedy="repair it")

    monkeypatch.setattr(HEADS, "get", get)
    found = [f for f in installation.plugins() if f.subject == "heads"]
    assert found[0] == Finding("problem", "heads", "head 'mean' cannot be loaded", "repair it")
    assert found[1].what == f"{len(list(HEADS)) - 1} can be chosen"
