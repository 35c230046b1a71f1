"""Read the options of a script: `-- fsapi: name=value`, in comment lines before its first statement.

A line that looks like an option and has no effect is a fault: nobody should rely on a timeout that is not set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fsapi_nb.model.place import Problem
from fsapi_nb.script.sections import Source, Span

#: The options, and what they mean.
HELP = {
    "lock_timeout": "how long a statement of this script may wait for a lock, such as `10s`",
    "statement_timeout": "how long a statement of this script may run, such as `1min`",
    "transaction": "`off`: each statement commits alone",
}
NAMES = tuple(HELP)
_PERHAPS = re.compile(rb"f(?:s|\xc5\xbf)ap", re.IGNORECASE)  # Unicode has another small s
_OPTION = re.compile(r"--[ \t]*fsapi:[ \t]*(.*)")
_LIKE_ONE = re.compile(rf"--\W*fsapi\b\W*({'|'.join(NAMES)})\b", re.IGNORECASE)
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(us|ms|s|min|h|d)?")
_MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST = 2**31 - 1  # milliseconds; PostgreSQL's limit


def read_options(source: Source, comments: Iterable[Span], first: int) -> tuple[dict[str, str], list[Problem]]:
    """Return the options in these comments, and what is wrong with them.

    Args:
        source: The file.
        comments: Where the line comments of the section and above it are.
        first: Where the first statement begins. An option after it has no effect, which is a fault.
    """
    options: dict[str, str] = {}
    problems: list[Problem] = []
    for start, end in comments:
        written = source.text[start:end]
        if not _PERHAPS.search(written):
            continue
        text = written.decode().strip()
        match = _OPTION.fullmatch(text)
        if not match:
            if _LIKE_ONE.match(text):
                hint = "write exactly `-- fsapi: name=value`, on a line of its own."
                problems.append(source.problem(start, "this comment is almost an option", hint))
            continue
        name, _, value = (word.strip() for word in match[1].partition("="))
        fault = _fault(name, value, options)
        if not fault and start > first:
            fault = (f"{name} has no effect here", "move it above the first statement of its section.")
        if fault:
            problems.append(source.problem(start, *fault))
        options[name] = value
    return options, problems


def milliseconds(duration: str) -> float | None:
    """Return the milliseconds of a duration as PostgreSQL reads a timeout; None if it is not a duration.

    A number without a unit counts milliseconds.
    """
    match = _DURATION.fullmatch(duration)
    return float(match[1]) * _MILLISECONDS[match[2] or "ms"] if match else None


def _fault(name: str, value: str, before: dict[str, str]) -> tuple[str, str] | None:
    """Return what is wrong with an option, and what to write instead; None if it is right."""
    if name not in NAMES:
        return f"there is no option {name!r}", "the options are lock_timeout, statement_timeout and transaction=off."
    if name in before:
        return f"a second {name}; the first is {name}={before[name]}", "remove one of the two."
    if name == "transaction":
        return None if value == "off" else (f"transaction={value} is not valid", "the only value is transaction=off.")
    duration = milliseconds(value)
    if duration is None:
        return f"{name}={value} is not a duration", f"write for example {name}=10s (units: ms, s, min, h)."
    if duration > _LONGEST:
        return f"{name}={value} is longer than PostgreSQL allows", "the longest is 24d; 0 means no limit."
    return None
