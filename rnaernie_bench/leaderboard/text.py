"""What a terminal or a Markdown table may be given, whatever names hold."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text on one line, without what a terminal would take as an order."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def escaped(text: str) -> str:
    """Return the text of a Markdown cell: no other cell, no HTML."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
