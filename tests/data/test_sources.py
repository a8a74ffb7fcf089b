from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.sources import fetch, locate, sha256, verify
from rnaernie_bench.task.declaration import DataFile
from rnaernie_bench.task.task import Task

CONTENT = b">RF1_a tRNA\nACGU\n" * 2000
FILE = DataFile("set/train.fasta", hashlib.sha256(CONTENT).hexdigest(), records=2000)


@dataclass
class Server:
    """What the loopback server answers, and what it was asked."""

    url: str
    status: int = 200
    body: bytes = CONTENT
    sent: int | None = None
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.requests.append(self.path)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.sent])

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output clean."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answer = Server(f"http://127.0.0.1:{http.server_port}/train.fasta")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield answer
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """Return where the cache keeps FILE."""
    return tmp_path / "cache" / "data" / FILE.path


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def failure(file: DataFile, **options: bool) -> str:
    with pytest.raises(DataError) as caught:
        locate(file, task="some_task", **options)
    return str(caught.value)


def test_folders_come_in_order_and_before_the_cache(
    tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", f"{tmp_path / 'one'}:{tmp_path / 'two'}")
    put(cached)
    assert locate(FILE) == cached
    second = put(tmp_path / "two" / FILE.path)
    assert locate(FILE) == second
    first = put(tmp_path / "one" / FILE.path)
    assert locate(FILE) == first


def test_a_missing_file_names_the_remedies() -> None:
    message = failure(FILE)
    assert message.startswith("set/train.fasta: ")
    assert "rnaernie-bench data fetch some_task" in message
    assert "RNAERNIE_BENCH_DATA" in message
    assert "demo" in message


def test_a_wrong_checksum_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    path = put(tmp_path / FILE.path, b"other")
    message = failure(FILE)
    assert str(path) in message
    assert FILE.sha256 in message
    assert hashlib.sha256(b"other").hexdigest() in message
    assert "correct its sha256 in the task" in message
    assert "remove it" in failure(replace(FILE, url="https://example.org/file"))


def test_a_user_s_wrong_file_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    path = put(tmp_path / FILE.path, b"other")
    assert "SHA-256" in failure(replace(FILE, url="http://127.0.0.1:9/x"), download=True)
    assert path.read_bytes() == b"other"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = put(tmp_path / "a", b"1")
    assert sha256(path) == hashlib.sha256(b"1").hexdigest()
    put(path, b"22")
    assert sha256(path) == hashlib.sha256(b"22").hexdigest()


def test_without_an_address_there_is_no_download() -> None:
    assert "no address" in failure(FILE, download=True)


@pytest.mark.services
def test_a_download_lands_in_the_cache_once(server: Server, cached: Path) -> None:
    file = replace(FILE, url=server.url)
    assert locate(file, download=True) == cached
    assert cached.read_bytes() == CONTENT
    assert locate(file, download=True) == cached
    assert server.requests == ["/train.fasta"]


@pytest.mark.services
def test_nothing_is_downloaded_unasked(server: Server) -> None:
    assert "data fetch" in failure(replace(FILE, url=server.url))
    assert server.requests == []


@pytest.mark.services
def test_a_damaged_cache_is_repaired_by_a_download(server: Server, cached: Path) -> None:
    file = replace(FILE, url=server.url)
    put(cached, b"damaged")
    assert "SHA-256" in failure(file)
    assert locate(file, download=True) == cached
    assert cached.read_bytes() == CONTENT


@pytest.mark.services
def test_a_failed_repair_keeps_nothing_that_would_pass(server: Server, cached: Path) -> None:
    put(cached, b"damaged")
    server.status = 500
    assert "HTTP 500" in failure(replace(FILE, url=server.url), download=True)
    assert "SHA-256" in failure(FILE)


@pytest.mark.services
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404, "body": b"gone"}, "HTTP 404"),
        ({"body": b"a login page"}, "not what the task declares"),
        ({"sent": len(CONTENT) // 2}, "the download failed"),
    ],
)
def test_a_failed_download_leaves_nothing_behind(
    server: Server, cached: Path, answer: dict[str, object], words: str
) -> None:
    for name, value in answer.items():
        setattr(server, name, value)
    message = failure(replace(FILE, url=server.url), download=True)
    assert server.url in message
    assert words in message
    assert "\n" not in message
    assert list(cached.parent.iterdir()) == []


@pytest.mark.services
def test_a_dead_server_is_an_error(server: Server, cached: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    message = failure(replace(FILE, url=f"http://127.0.0.1:{port}/x"), download=True)
    assert "the download failed: ConnectionError" in message
    assert list(cached.parent.iterdir()) == []


@pytest.mark.services
def test_proxies_do_not_stand_before_loopback(
    server: Server, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nobody answers
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert locate(replace(FILE, url=server.url), download=True) == cached


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    message = failure(replace(FILE, url="http://127.0.0.1:9/x"), download=True)
    assert "the download cannot be written: a file is where a folder is needed" in message
    assert "RNAERNIE_BENCH_CACHE" in message


@pytest.mark.services
def test_fetch_and_verify_cover_every_part(server: Server, cached: Path, task: Task) -> None:
    files = {
        "train": replace(FILE, url=server.url),
        "test": replace(FILE, path="set/test.fasta", url=server.url),
    }
    small = replace(task, dataset=replace(task.dataset, files=files))
    missing = verify(small)
    assert [(part, path) for part, path, _ in missing] == [("train", None), ("test", None)]
    assert all(problem and "data fetch ncrna_cls" in problem for *_, problem in missing)
    assert fetch(small) == [cached, cached.parent / "test.fasta"]
    assert verify(small) == [
        ("train", cached, None),
        ("test", cached.parent / "test.fasta", None),
    ]
    put(cached, b"damaged")
    part, path, problem = verify(small)[0]
    assert (part, path) == ("train", cached)
    assert problem is not None
    assert "SHA-256" in problem


@pytest.mark.realdata
def test_the_real_files_are_those_declared(data_folder: Path, task: Task) -> None:
    assert [problem for *_, problem in verify(task)] == [None, None, None]
