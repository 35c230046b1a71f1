"""How wide text is on a terminal."""

from __future__ import annotations


def text_width(text: str) -> int:
    """Return how many columns the text takes: two for a wide character, none for a joiner or what combines with another.

    Which emoji are one character is what the installed rich knows.
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # imported late: most text is ASCII

    return cell_len(text)
