"""Recognise comments by which other tools divide a file, or that look like fsapi_nb's own markers.

The form of a line decides: a mark word alone, with punctuation around it, or with the words that tools put beside it
(`-- +goose Down`, `-- Up Migration`, `---- DOWN ----`). A sentence that begins with the same word is prose. So are
words that no known tool writes (`-- acme up`), unless a second comment says the same with the other direction.
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
# Many comments that divide nothing hold these words, so they count only if SQL follows.
_BACK = frozenset(
    {"backward", "backwards", "downgrade", "reverse", "revert", "rollback", "rollbacks", "unapply", "undo", "undos"}
)
# The names of tools, and the words that tools and people put beside a mark word.
_BESIDE = frozenset(
    {
        *("begin", "dbmate", "evolution", "false", "goose", "micrate", "migrate", "migration", "migrations"),
        *("notransaction", "part", "rambler", "script", "scripts", "section", "sql", "statements", "step"),
        *("transaction", "true"),
    }
)
_FORWARD = frozenset({"apply", "deploy", "forward", "forwards", "install", "up", "upgrade", "ups"})
_BACKWARD = _BACK | {"down", "downs", "uninstall"}
_FEW = 4  # words that a tool writes in a mark, at most
# The word, a sign that ends it, and any text: `-- DOWN: take it back`, `-- down (drop it)`, `-- DOWN -- and so on`.
_EXPLAINED = re.compile(r"[\W_]*(up|down)\s*(?::|\(|\[|=|\||--|[-\u2013\u2014](?=\s))", re.IGNORECASE)
_TERN = re.compile(r"[\W_]*create above\s*/\s*drop below[\W_]*", re.IGNORECASE)
_ALEMBIC = re.compile(r"\s*running downgrade\s+\S+\s*->.*", re.IGNORECASE)
_SQITCH = re.compile(
    r"\s*(deploy|revert|verify)\s+(\S+)\s+(?:to|from|on)\s+(?:pg|postgres|postgresql|cockroach|yugabyte)\s*",
    re.IGNORECASE,
)
_LIQUIBASE = re.compile(r"\s*liquibase\s+formatted\s+sql\b.*", re.IGNORECASE)
_REACH = 200  # characters of a comment in which a mark is looked for, decorations included


@dataclass(frozen=True, slots=True)
class ForeignMark:
    """A comment that seems to be a marker: its direction, what is wrong, and what to do instead.

    `heads_file`: the line says what the whole file is. `weak`: the line is a mark only if SQL follows it.
    """

    direction: Direction
    message: str
    hint: str
    heads_file: bool = False
    weak: bool = False


def find_mark(comment: str) -> ForeignMark | None:
    """Return the mark that a comment at the beginning of a line seems to be; None if it is prose."""
    text = _inside(comment[:_REACH])
    if _TERN.fullmatch(text) or _ALEMBIC.fullmatch(text):
        return _mark(Direction.DOWN, word=False)
    if _EXPLAINED.match(text):
        return _mark(_MARKS[_WORD.findall(text)[0].lower()])
    return _heading(text) or _by_words(text)


def find_pair(comments: Iterable[str]) -> tuple[int, int] | None:
    """Return the numbers of two comments that differ only in their direction; None if there are none.

    The second one divides the file into a change and its undoing, even if the tool that wrote them is unknown.
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
    """Return the text of a comment without the signs that begin and end it."""
    return comment.removeprefix("/*").removesuffix("*/") if comment.startswith("/*") else comment.removeprefix("--")


def _by_words(text: str) -> ForeignMark | None:
    """Return the mark that a text is by its words: one mark word, and only words that tools put beside it."""
    if text.rstrip().endswith(";"):
        return None  # it is a statement that was commented out, such as ROLLBACK;
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
    """Return the mark of the line with which some tools begin every file; None for another line."""
    if _LIQUIBASE.fullmatch(text):
        hint = "write a line `-- UP` below it; if there are `--rollback` lines, put their SQL below a line `-- DOWN`."
        return ForeignMark(Direction.UP, "this is a file of Liquibase, without a marker `-- UP`", hint, heads_file=True)
    match = _SQITCH.fullmatch(text)
    return _of_sqitch(match[1].lower(), match[2].rpartition(":")[2]) if match else None


def _of_sqitch(role: str, change: str) -> ForeignMark:
    hint = {
        "deploy": "write a line `-- UP` below it, and at the end a line `-- DOWN` with the SQL of "
        f"revert/{change}.sql below it.",
        "revert": f"put its SQL below a line `-- DOWN` in the migration that deploys {change}, and delete this file.",
        "verify": f"put its SQL below a line `-- CHECK` in the migration that deploys {change}, and delete this file.",
    }[role]
    direction = Direction.DOWN if role == "revert" else Direction.UP
    return ForeignMark(direction, f"this is Sqitch's file to {role} {change}", hint, heads_file=True)
