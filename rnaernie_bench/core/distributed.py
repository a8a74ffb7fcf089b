"""The processes of one launch by `torchrun` or `accelerate launch`, which train a network together.

They know each other from variables of the environment. Nothing here imports torch before
there is more than one of them.
"""

from __future__ import annotations

import os
from typing import Any, TypeVar

from rnaernie_bench.core.errors import ConfigError

T = TypeVar("T")

_LAUNCH = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE",
    "ROLE_RANK", "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip
"""What launches tell, besides what begins with one of `_LAUNCHERS`."""

_LAUNCHERS = ("TORCHELASTIC_", "ACCELERATE_", "FSDP_")


def count() -> int:
    """Return how many processes this launch has; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def number() -> int:
    """Return which of them this is, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_first() -> bool:
    """Return whether this is the process that writes."""
    return number() == 0


def join() -> Any:
    """Return what Accelerate knows of the processes; the first call connects them.

    On a machine without an accelerator they talk over gloo.

    Raises:
        ConfigError: if the launch asks for shards of the network, which is not built.
    """
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        raise ConfigError(
            "FSDP is not supported: every process needs the whole network",
            where="accelerate launch",
            remedy="start without FSDP",
        )
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.accelerator.is_available())


def leave() -> None:
    """Forget the launch: this process works alone from here on, and libraries are not to wait."""
    for name in [n for n in os.environ if n in _LAUNCH or n.startswith(_LAUNCHERS)]:
        del os.environ[name]


def end() -> None:
    """Disconnect from the others, if `join` has connected them."""
    if count() > 1:
        import torch

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def broadcast(value: T) -> T:
    """Return the value of the first process; all of them have to call this."""
    if count() == 1:
        return value
    import torch

    join()
    box = [value]
    torch.distributed.broadcast_object_list(box, src=0)
    return box[0]


def gather(value: T) -> list[T]:
    """Return the values of all processes, in their order; all of them have to call this."""
    if count() == 1:
        return [value]
    import torch

    join()
    values: list[Any] = [None] * count()
    torch.distributed.all_gather_object(values, value)
    return values
