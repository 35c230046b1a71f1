"""The one place where text of others becomes safe to show: in HTML, and on a terminal."""

from __future__ import annotations

import html
import unicodedata


def esc(text: object) -> str:
    """Text as HTML that shows it and runs nothing; quotes are escaped too, so it may stand in an attribute."""
    return html.escape(visible(str(text)), quote=True)


def visible(text: str) -> str:
    """Text whose control characters are written out, so that they cannot drive a terminal or hide what is there.

    Line ends and tabs stay as they are.
    """
    return "".join(character if _harmless(character) else _written(character) for character in text)


def _harmless(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()
