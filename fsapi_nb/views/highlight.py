"""SQL in pieces, each with its kind, to be coloured. This neither escapes nor draws."""

from __future__ import annotations

from collections.abc import Iterator

from fsapi_nb.text.safe import visible

#: Longer scripts (a seed of many megabytes) are shown plain, and only their beginning.
LONGEST = 100_000
_KINDS = (
    ("Comment", "comment"),
    ("Literal.String", "string"),
    ("Literal.Number", "number"),
    ("Keyword", "keyword"),
    ("Name.Builtin", "type"),
)
#: Tones in the middle, readable on a light and on a dark page.
TONES = {"comment": "#7d8590", "string": "#2b8a3e", "number": "#b56f00", "keyword": "#2c7be5", "type": "#8b5cd6"}

Piece = tuple[str, str]


def highlight(sql: str) -> list[Piece]:
    """Return the text in pieces of (kind, text), in order, with control characters written out.

    The kind is a key of `TONES`, or empty.
    """
    shown = visible(sql.replace("\r\n", "\n"))
    if len(shown) > LONGEST:
        return [("", shown[:LONGEST]), ("comment", f"\n… {len(shown) - LONGEST} characters more")]
    return list(_merged(_tokens(shown)))


def _tokens(sql: str) -> Iterator[Piece]:
    from pygments.lexers import PostgresLexer

    for token, text in PostgresLexer(stripnl=False, ensurenl=False).get_tokens(sql):
        name = str(token).removeprefix("Token.")
        yield next((kind for prefix, kind in _KINDS if name.startswith(prefix)), ""), text


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield neighbours of one kind as one piece."""
    kind, text = "", ""
    for next_kind, next_text in pieces:
        if next_kind == kind:
            text += next_text
            continue
        if text:
            yield kind, text
        kind, text = next_kind, next_text
    if text:
        yield kind, text
