"""Whether something listens at an address, found out in seconds, whatever hangs."""

from __future__ import annotations

import socket
from threading import Thread
from urllib.parse import urlsplit

LIMIT_S = 4.0
"""Name look-up and connection together."""

_PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433}


def why_unreachable(address: str, limit: float = LIMIT_S) -> str | None:
    """Return why the server of a database cannot be reached; None if it can, or has no port.

    Args:
        address: such as `postgresql://USER:PASSWORD@HOST/DATABASE`.
        limit: seconds.
    """
    scheme, mark, rest = address.partition("://")
    try:
        parts = urlsplit(f"//{rest.rpartition('@')[2]}")
        host, port = parts.hostname, parts.port or _PORTS.get(scheme.partition("+")[0])
    except ValueError as error:
        return str(error)
    if not mark or not host or port is None:
        return None
    answer: list[str | None] = []

    def connect() -> None:
        try:
            with socket.create_connection((host, port), limit):
                answer.append(None)
        except OSError as error:
            answer.append(error.strerror or str(error))

    thread = Thread(target=connect, name="connection", daemon=True)  # a look-up has no limit
    thread.start()
    thread.join(limit)
    return answer[0] if answer else f"no answer within {limit:g} s"
