"""Measure the width of text on a terminal."""

from __future__ import annotations


def text_width(text: str) -> int:
    """Return how many columns a text takes on a terminal.

    A wide character takes two, a joiner or a combining mark none. The installed rich decides which emoji are one
    character.
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # imported here because most text is ASCII

    return cell_len(text)
