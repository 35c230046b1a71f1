"""Comments by which other migration tools divide a file, or that look like our own markers.

A line is such a mark by its form: a mark word alone, with punctuation around it, or with the words that tools put beside
it (`-- +goose Down`, `-- Up Migration`, `---- DOWN ----`). A sentence that begins with the same word is prose. So are words
that no known tool writes (`-- acme up`), unless a second comment says the same with the other direction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fsapi_nb.model.migration import Direction

_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MARKS = {
    "up": Direction.UP,
    "ups": Direction.UP,
    "down": Direction.DOWN,
    "downs": Direction.DOWN,
}
# They stand in many a comment that divides nothing, so that they count only where SQL follows.
_BACK = frozenset(
    {"backward", "backwards", "downgrade", "reverse", "revert", "rollback", "rollbacks", "unapply", "undo", "undos"}
)
# The names of tools, and what they and people put beside the word.
_BESIDE = frozenset(
    {
        *("begin", "dbmate", "evolution", "false", "goose", "micrate", "migrate", "migration", "migrations"),
        *("notransaction", "part", "rambler", "script", "scripts", "section", "sql", "statements", "step"),
        *("transaction", "true"),
    }
)
_FORWARD = frozenset({"apply", "deploy", "forward", "forwards", "install", "up", "upgrade", "ups"})
_BACKWARD = _BACK | {"down", "downs", "uninstall"}
_FEW = 4  # more words than a tool writes
# The word, a sign that ends it, and anything: `-- DOWN: take it back`, `-- down (drop it)`, `-- DOWN -- and so on`.
_EXPLAINED = re.compile(r"[\W_]*(up|down)\s*(?::|\(|\[|=|\||--|[-\u2013\u2014](?=\s))", re.IGNORECASE)
_TERN = re.compile(r"[\W_]*create above\s*/\s*drop below[\W_]*", re.IGNORECASE)
_ALEMBIC = re.compile(r"\s*running downgrade\s+\S+\s*->.*", re.IGNORECASE)
_SQITCH = re.compile(
    r"\s*(deploy|revert|verify)\s+(\S+)\s+(?:to|from|on)\s+(?:pg|postgres|postgresql|cockroach|yugabyte)\s*",
    re.IGNORECASE,
)
_LIQUIBASE = re.compile(r"\s*liquibase\s+formatted\s+sql\b.*", re.IGNORECASE)
_REACH = 200  # how far into a comment a mark is looked for, decorations included


@dataclass(frozen=True, slots=True)
class ForeignMark:
    """What a comment seems to mark: the marker of ours that it would be, and what to do instead.

    `heads_file` is a line that says what the whole file is; `weak` one that is a mark only where SQL follows it.
    """

    direction: Direction
    message: str
    hint: str
    heads_file: bool = False
    weak: bool = False


def find_mark(comment: str) -> ForeignMark | None:
    """Return what a comment that begins a line seems to mark; None if it is prose."""
    text = _inside(comment[:_REACH])
    if _TERN.fullmatch(text) or _ALEMBIC.fullmatch(text):
        return _mark(Direction.DOWN, word=False)
    if _EXPLAINED.match(text):
        return _mark(_MARKS[_WORD.findall(text)[0].lower()])
    return _heading(text) or _by_words(text)


def find_pair(comments: Iterable[str]) -> tuple[int, int] | None:
    """Return the numbers of two comments that differ in their direction only; None if there are none.

    Whatever tool they are of: the second divides the file into a change and its undoing.
    """
    forward: dict[tuple[str, ...], int] = {}
    for number, comment in enumerate(comments):
        words = _words(_inside(comment[:_REACH]))
        directions = [word for word in words if word in _FORWARD or word in _BACKWARD]
        if len(directions) != 1 or len(words) > _FEW:
            continue
        beside = tuple(word if word not in directions else "" for word in words)
        if directions[0] in _FORWARD:
            forward.setdefault(beside, number)
        elif beside in forward:
            return forward[beside], number
    return None


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text))]


def _inside(comment: str) -> str:
    """The comment without the signs that make it one."""
    return comment.removeprefix("/*").removesuffix("*/") if comment.startswith("/*") else comment.removeprefix("--")


def _by_words(text: str) -> ForeignMark | None:
    """The mark that a text is by its words: one mark word, and nothing but what stands beside such words."""
    if text.rstrip().endswith(";"):
        return None  # a statement that was commented out, such as ROLLBACK
    words = _words(text)
    marks = [word for word in words if word in _MARKS or word in _BACK]
    beside = [word for word in words if word not in marks]
    if len(marks) != 1 or not all(word in _BESIDE or word.isdigit() for word in beside):
        return None
    return _mark(_MARKS.get(marks[0], Direction.DOWN), weak=marks[0] in _BACK)


def _mark(direction: Direction, *, weak: bool = False, word: bool = True) -> ForeignMark:
    marker = f"-- {direction.name}"
    message = f"this comment {'begins' if word and not weak else 'reads'} like the missing marker `{marker}`"
    hint = f"if it is meant as the marker, write exactly `{marker}` at the line's start; if not, reword it."
    return ForeignMark(direction, message, hint, weak=weak)


def _heading(text: str) -> ForeignMark | None:
    """The line that some tools begin every file with."""
    if _LIQUIBASE.fullmatch(text):
        hint = "write a line `-- UP` below it; if there are `--rollback` lines, put their SQL below a line `-- DOWN`."
        return ForeignMark(Direction.UP, "this is a file of Liquibase, without a marker `-- UP`", hint, heads_file=True)
    match = _SQITCH.fullmatch(text)
    return _of_sqitch(match[1].lower(), match[2].rpartition(":")[2]) if match else None


def _of_sqitch(role: str, change: str) -> ForeignMark:
    hint = {
        "deploy": f"write a line `-- UP` below it, and at the end a line `-- DOWN` with the SQL of revert/{change}.sql below it.",
        "revert": f"put its SQL below a line `-- DOWN` in the migration that deploys {change}, and delete this file.",
        "verify": f"put its SQL below a line `-- CHECK` in the migration that deploys {change}, and delete this file.",
    }[role]
    direction = Direction.DOWN if role == "revert" else Direction.UP
    return ForeignMark(direction, f"this is Sqitch's file to {role} {change}", hint, heads_file=True)
