"""Write a derived DOWN as the section of a file: what it is, what it does not bring back, and its statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsapi_nb.catalog.difference import Change, without_remarks
from fsapi_nb.derive.derive import DerivedDown
from fsapi_nb.script.parser import tokenize
from fsapi_nb.script.tokens import COMMENTS
from fsapi_nb.text.safe import visible_line

_MARKER = "-- DOWN"
_NOTHING = "-- the catalog is as before: there is nothing to undo"


def section(down: DerivedDown, left: Sequence[Change], version: int, failure: str | None = None) -> str:
    """Return the section of a file, from its marker on; each of its lines ends in a line feed.

    Args:
        down: The statements and what they do not bring back.
        left: What still differed from the catalog before when they had run on a copy.
        version: The major version of that copy's server.
        failure: Why it did not run there, if it did not.
    """
    lines = [_MARKER, *_comments(down, left, version, failure), *(down.statements or (_NOTHING,))]
    return "\n".join(lines) + "\n"


def _comments(down: DerivedDown, left: Sequence[Change], version: int, failure: str | None) -> Iterator[str]:
    differs = without_remarks(left)
    outcome = "it restores the catalog exactly" if not differs else "it does not restore the whole catalog"
    if failure is not None:
        outcome = f"it does not run: {visible_line(failure)}"
    yield f"-- derived by fsapi_nb from the catalog; on a copy (PostgreSQL {version}) {outcome}"
    for change in left:
        if change.is_remark:
            yield f"-- the columns of {visible_line(change.identity)} are then in another order: one that was dropped comes last"
    for change in differs:
        yield f"-- not restored: {visible_line(change.title())}"
        yield from (f"--   {visible_line(line)}" for line in change.lines())
    for loss in down.losses:
        yield f"-- does not bring back: {visible_line(str(loss))}"


def with_section(text: str, place: tuple[int, int], down: str) -> str:
    """Return the text of a file with a section in a place, from one offset to another; all else stays as it is.

    In a file with the line ends of Windows the section gets them, too, but not in its literals and bodies of functions:
    their line feeds are a part of them.
    """
    start, end = place
    newline = "\r\n" if "\r\n" in text else "\n"
    head, rest = text[:start], text[end:]
    if head and not head.endswith("\n"):
        head += newline
    if head.strip() and not head.endswith((f"{newline}{newline}", "\n\n")):
        head += newline
    if rest.strip():
        down += "\n"
    return (
        head + (down if newline == "\n" else _with_windows_ends(down)) + (rest.lstrip("\r\n") if rest.strip() else "")
    )


def _with_windows_ends(section: str) -> str:
    """Return a section with CRLF for each line feed that is white space or ends a comment."""
    text = section.encode()
    tokens = tokenize(text)[0]
    inside = [
        range(start, end)
        for start, end, sort in zip(tokens.starts, tokens.ends, tokens.sorts, strict=True)
        if sort not in COMMENTS and b"\n" in text[start:end]
    ]
    parts, last = list[bytes](), 0
    for token in inside:
        parts += [text[last : token.start].replace(b"\n", b"\r\n"), text[token.start : token.stop]]
        last = token.stop
    return b"".join([*parts, text[last:].replace(b"\n", b"\r\n")]).decode()
