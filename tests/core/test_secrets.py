from __future__ import annotations

import socket

import pytest

from rnaernie_bench.core.secrets import has_secrets, without_secrets
from rnaernie_bench.core.servers import why_unreachable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://host/db"),
        ("a postgresql://me:se/cr@et@host:5/db b", "a postgresql://host:5/db b"),
        ("x=postgresql://me:a?b@host/db", "x=postgresql://host/db"),
        ("https://token@host/path", "https://host/path"),
        ("http://h/p?password=a&n=1", "http://h/p?password=***&n=1"),
        ("postgresql://h/db?user=me&PASSWORD=a/b", "postgresql://h/db?user=me&PASSWORD=***"),
        ("https://h/#access_token=abc", "https://h/#access_token=***"),
        ("http://h/p?x=1;api_key=q'", "http://h/p?x=1;api_key=***'"),
        ("hf_abcdefghijklmnop went", "*** went"),
    ],
)
def test_what_is_hidden(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert has_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://host/path@v1/x?n=1",
        "sqlite:////a/b.db",
        "me@host.org",
        "task=x seed=1",
        "http://h/p?monkeys",
        "see https://host:8080/a, then b@c",
    ],
)
def test_what_is_not(text: str) -> None:
    assert without_secrets(text) == text


def test_whether_a_database_listens() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        assert why_unreachable(f"postgresql://u:p@127.0.0.1:{port}/db") == "Connection refused"
        listening.listen()
        assert why_unreachable(f"postgresql://u:p@127.0.0.1:{port}/db") is None
    assert why_unreachable("postgresql:///db?host=/run") is None
    assert why_unreachable("file:/tmp/x") is None
