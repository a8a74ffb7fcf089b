"""Texts without what opens a door: for messages, logs, records, and what other users can see."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s'\"<>]*)")
_NAMED = re.compile(
    r"([?&;#][^=&;#\s]*(?:pass|pwd|token|secret|key|auth|cred|sig)[^=&;#\s]*=)[^&;#\s'\"]+",
    re.IGNORECASE,
)
_BARE = re.compile(r"\b(?:hf|gh[pousr]|glpat|xox[abprs])[_-][A-Za-z0-9_-]{10,}\b")
"""Tokens of services that say what they are."""
HIDDEN = "***"


def without_secrets(text: str) -> str:
    """Return `text` without the users, passwords and tokens in the addresses that it holds.

    A password may hold ``/`` and ``@``, though it should not: what stands between ``://`` and the
    last ``@`` is taken for a user if it has a colon before its first slash, or no slash.
    """
    text = _BARE.sub(HIDDEN, _ADDRESS.sub(_without_user, text))
    return _NAMED.sub(rf"\g<1>{HIDDEN}", text)


def has_secrets(text: str) -> bool:
    """Return whether `without_secrets` takes something out of `text`."""
    return without_secrets(text) != text


def _without_user(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    place, mark, _ = rest.partition("?")
    # An unescaped password can hold a question mark as well.
    user, at, _ = (rest if mark and "@" not in place else place).rpartition("@")
    if not at or ("/" in user and ":" not in user.partition("/")[0]):
        return f"{scheme}{rest}"
    return f"{scheme}{rest[len(user) + 1 :]}"
