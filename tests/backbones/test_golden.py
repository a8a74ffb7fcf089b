"""Golden vectors: read, compared, and refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from rnaernie_bench.backbones.golden import deviations, read_golden
from rnaernie_bench.core.errors import DataError

ITEM = {"id": "RNA1", "sequence": "ACG", "cls": [0.5, -1.0]}
GOOD = {"source": "somewhere", "mode": "eval", "dims": [1, 3], "items": [ITEM]}


def write(folder, content):
    path = folder / "golden.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


class Net:
    """Returns (0, .5, -1.25, 0) at every position."""

    config = SimpleNamespace(hidden_size=4)

    def __call__(self, input_ids):
        states = torch.tensor([0, 0.5, -1.25, 0]).expand(1, input_ids.shape[1], 4)
        return SimpleNamespace(last_hidden_state=states)


def tokenizer(sequence, return_tensors):
    return {"input_ids": torch.zeros(1, len(sequence) + 2, dtype=torch.long)}


def test_the_largest_deviation_of_each_item(tmp_path):
    golden = read_golden(write(tmp_path, GOOD))
    assert list(deviations(Net(), tokenizer, golden)) == [("RNA1", 0.25)]


def test_what_the_model_cannot_take(tmp_path):
    wide = {"dims": [0, 5], "items": [ITEM | {"cls": [0.0] * 5}]}
    with pytest.raises(DataError, match="reach dimension 5, the model has 4"):
        list(deviations(Net(), tokenizer, read_golden(write(tmp_path, wide))))
    long = GOOD | {"items": [ITEM | {"sequence": "A" * 511}]}
    with pytest.raises(DataError, match="RNA1: the sequence is longer than 510"):
        list(deviations(Net(), tokenizer, read_golden(write(tmp_path, long))))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "JSONDecodeError"),
        ({"items": [ITEM]}, "'dims'"),
        (GOOD | {"items": []}, "one item or more"),
        (GOOD | {"dims": [0]}, "first, end"),
        (GOOD | {"dims": [0, 3]}, "item RNA1 has not as many values as dims says"),
        (GOOD | {"items": [{"id": "a", "sequence": "A"}]}, "the key 'cls' is missing"),
        (GOOD | {"items": [ITEM | {"cls": ["a", "b"]}]}, "'a' is not a number"),
        ([], "TypeError"),
    ],
)
def test_other_content_is_refused(tmp_path, content, words):
    path = write(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_golden(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: it has no golden vectors") and words in message


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_golden(tmp_path / "golden.json")
