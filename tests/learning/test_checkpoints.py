"""Which checkpoint a training goes on from: the last that every process had written whole."""

from __future__ import annotations

import torch

from rnaernie_bench.learning.trainer_parts import last_whole_checkpoint


def checkpoints(folder, *names):
    for step, state in ((8, '{"global_step": 8}'), (24, '{"global_step": 24}'), (32, '{"gl')):
        (folder / f"checkpoint-{step}").mkdir()
        (folder / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
        for name in names:
            torch.save({}, folder / f"checkpoint-{step}" / name)
    (folder / "checkpoint-40").mkdir()


def test_half_written_checkpoints_are_passed_over(tmp_path):
    checkpoints(tmp_path, "rng_state.pth")
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-24"
    assert last_whole_checkpoint(tmp_path, processes=2) is None


def test_what_the_other_processes_write_is_needed(tmp_path):
    checkpoints(tmp_path, "rng_state_0.pth", "rng_state_1.pth")
    assert last_whole_checkpoint(tmp_path, processes=2) == tmp_path / "checkpoint-24"
    half = tmp_path / "checkpoint-24" / "rng_state_1.pth"
    half.write_bytes(half.read_bytes()[:100])
    assert last_whole_checkpoint(tmp_path, processes=2) == tmp_path / "checkpoint-8"
    assert last_whole_checkpoint(tmp_path) is None


def test_no_checkpoints(tmp_path):
    assert last_whole_checkpoint(tmp_path / "nowhere") is None
