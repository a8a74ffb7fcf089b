"""Paddle's checkpoints: what is read, and that nothing a file names is ever executed."""

from __future__ import annotations

import copyreg
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rnaernie_bench.backbones.paddle import read_checkpoint
from rnaernie_bench.core.errors import DataError
from tests.paddle_kit import authors_state, write_checkpoint


class Reduced:
    """Pickles to a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def write(folder, content):
    path = folder / "model_state.pdparams"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 4))
    return path


def failure(path):
    with pytest.raises(DataError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_every_protocol_of_paddle_is_read(tmp_path, protocol):
    state = authors_state()
    read = read_checkpoint(write_checkpoint(tmp_path, state, protocol=protocol))
    assert read.keys() == state.keys()
    assert all(np.array_equal(read[name], state[name]) for name in state)


@settings(deadline=None)
@given(
    arrays(
        st.sampled_from([np.dtype(code) for code in ("<f4", ">f4", "<f8", ">f8", "<f2")]),
        array_shapes(max_dims=3, max_side=4),
        elements=st.floats(-4, 4, width=16),
    ),
    st.booleans(),
)
def test_every_layout_is_read(tmp_path_factory, array, fortran):
    array = np.asfortranarray(array) if fortran else array
    read = read_checkpoint(write(tmp_path_factory.mktemp("paddle"), {"x": array}))
    assert read["x"].dtype == np.float32
    assert np.array_equal(read["x"], array.astype(np.float32))


def test_names_of_numpy_1_are_known(tmp_path):
    content = pickle.dumps({"x": np.float32([1, 2])}, 2)
    old = content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    assert b"numpy.core.multiarray" in old
    assert read_checkpoint(write(tmp_path, old))["x"].tolist() == [1, 2]


MALICIOUS = {
    "os.system": lambda mark: pickle.dumps({"x": Reduced(os.system, f"touch {mark}")}, 4),
    "os.system, protocol 0": lambda mark: f"cposix\nsystem\n(S'touch {mark}'\ntR.".encode(),
    "builtins.eval": lambda mark: pickle.dumps(
        {"x": Reduced(eval, f"__import__('pathlib').Path({str(mark)!r}).touch()")}, 4
    ),
    "INST": lambda mark: f"(S'touch {mark}'\nios\nsystem\n.".encode(),
    "OBJ": lambda mark: f"(cos\nsystem\nS'touch {mark}'\no.".encode(),
    # Names put together on the stack, and a dotted one that walks through an allowed module.
    "STACK_GLOBAL": lambda mark: (
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c"
        + bytes([len(f"touch {mark}")]) + f"touch {mark}".encode() + b"\x85R."
    ),
    "dotted STACK_GLOBAL": lambda mark: b"\x80\x04\x8c\x05numpy\x8c\x0ef2py.os.system\x93.",
    "numpy's own loader": lambda mark: b"\x80\x04\x8c\x05numpy\x8c\x04load\x93\x8c\x01x\x85R.",
    "an object array around a call": lambda mark: pickle.dumps(
        {"x": np.array([Reduced(os.system, f"touch {mark}")], dtype=object)}, 4
    ),
    "getattr": lambda mark: pickle.dumps({"x": Reduced(getattr, "x", "join")}, 4),
}  # fmt: skip


@pytest.mark.parametrize("attack", MALICIOUS)
def test_a_file_that_asks_for_more_than_arrays_is_refused(tmp_path, attack):
    mark = tmp_path / "executed"
    message = failure(write(tmp_path, MALICIOUS[attack](mark)))
    assert "refused: it asks for '" in message and "nothing was executed" in message
    assert not mark.exists()


def test_the_attacks_work_on_plain_pickle(tmp_path):
    mark = tmp_path / "executed"
    pickle.loads(MALICIOUS["STACK_GLOBAL"](mark))
    assert mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            b"\x80\x04cnumpy\ndtype\nN}\x8c\x08__init__K\x01s\x86b.", id="BUILD on a class"
        ),
        pytest.param(b"\x80\x04\x82\x01.", id="unregistered extension"),
        pytest.param(b"\x80\x04Pname\n.", id="persistent id"),
        pytest.param(b"\x80\x05\x97.", id="out-of-band buffer"),
        pytest.param(b"\x80\x04]K\x01R.", id="call of a list"),
        pytest.param(b"", id="empty"),
        pytest.param(b"PK\x03\x04 torch", id="another format"),
        pytest.param(pickle.dumps({"x": np.ones(4)}, 4)[:-20], id="cut short"),
    ],
)
def test_what_is_no_whole_pickle_of_arrays_is_refused(tmp_path, content):
    assert "not a whole Paddle checkpoint" in failure(write(tmp_path, content))


def test_a_registered_extension_is_refused(tmp_path):
    copyreg.add_extension("os", "system", 77)
    try:
        message = failure(write(tmp_path, b"\x80\x04\x82\x4d\x8c\x04true\x85R."))
    finally:
        copyreg.remove_extension("os", "system", 77)
    assert "it asks for 'os.system'" in message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.arange(3), "the tensor 'x' holds 'i8', not floating-point numbers"),
        (np.array([None, 1], dtype=object), "the tensor 'x' holds 'O8'"),
        (np.array([1.0, np.nan]), "the tensor 'x' holds infinities or NaN"),
        (np.array([1e300]), "the tensor 'x' holds infinities or NaN"),
        (3, "'x' is not a tensor; give the model's weights"),
        ({"lr": 0.1}, "'x' is not a tensor"),
    ],
)
def test_values_that_are_no_weights_are_named(tmp_path, value, words):
    assert words in failure(write(tmp_path, {"ok": np.ones(2), "x": value}))


def test_content_that_does_not_fill_its_shape_is_named(tmp_path):
    content = pickle.dumps({"x": np.zeros((3, 5), np.float32)}, 4)
    assert content.count(b"K\x03K\x05\x86") == 1
    damaged = write(tmp_path, content.replace(b"K\x03K\x05\x86", b"K\x03K\x06\x86"))
    assert "the tensor 'x' is damaged: its content does not fill the shape (3, 6)" in failure(
        damaged
    )


def test_other_files(tmp_path):
    assert "has no tensors by name" in failure(write(tmp_path, [1, 2]))
    assert "cannot be read: No such file" in failure(tmp_path / "nowhere.pdparams")
    assert "cannot be read: Is a directory" in failure(Path(tmp_path))
