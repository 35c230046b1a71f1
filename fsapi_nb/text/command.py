"""Commands in what is said to a user, as they are typed where the user is. Pure.

A hint names a command between backticks, by its verb: `rename OLD NEW`. That is the form of the Python methods and of an
error's own text; the terminal and the notebook show it as it can be pasted there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

#: The verbs that a command may begin with.
NAMES = frozenset(
    [
        "migrate",
        "status",
        "pending",
        "plan",
        "show",
        "blockers",
        "diagram",
        "make",
        "rollback",
        "redo",
        "fresh",
        "baseline",
        "rename",
        "retire",
        "repair",
        "resolve",
        "history",
        "query",
        "trust",
    ]
)
_COMMAND = re.compile(r"`([a-z]+)((?: [^`\n]*)?)`")
# The lines that say what to do, where things stand and what must be known; all others quote files and the server.
_OURS = re.compile(r" *(?:→|!|Now:) ")


class Face(Enum):
    """Where a command is typed; the value is what stands before a verb there."""

    TERMINAL = "sapi migrate:"
    NOTEBOOK = "%migrate "


def typed(text: str, face: Face) -> str:
    """The text with its commands as they are typed there."""

    def command(found: re.Match[str]) -> str:
        verb, rest = found.groups()
        return f"`{begin(verb, face)}{rest}`" if verb in NAMES else found[0]

    return _COMMAND.sub(command, text)


def typed_lines(lines: Iterable[str], face: Face) -> list[str]:
    """The lines of an error or a result, the commands in its hints, states and notes as they are typed there."""
    return [typed(line, face) if _OURS.match(line) else line for line in lines]


def begin(verb: str, face: Face) -> str:
    """How a command with that verb begins there."""
    if face is Face.TERMINAL:
        return f"sapi {verb}" if verb in {"migrate", "query", "trust"} else f"{face.value}{verb}"
    return f"%{verb}" if verb in {"migrate", "rollback", "query"} else f"{face.value}{verb}"
