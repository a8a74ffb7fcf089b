"""A port of this machine that nobody listens at."""

from __future__ import annotations

import socket
from contextlib import closing


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])
