"""Commands in what is said to a user, written so that they can be pasted where the user is. Pure.

A next step is a value, `Command`: a verb, the names that it is about, and options. `Advice` is text with commands in it. Each
face shows it in its own form: a shell splits a terminal's line; a magic's line is expanded by IPython (`{name}`, `$name`) and
then split as a shell does.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self, SupportsIndex

from fsapi_nb.text.safe import visible_line

# Verbs that are commands of the terminal, and magics, by themselves.
_ALONE_IN_TERMINAL = frozenset({"migrate", "query", "trust"})
_ALONE_IN_NOTEBOOK = frozenset({"migrate", "rollback", "query"})


class Face(Enum):
    """Where a command is typed; the value is what stands before a verb there."""

    TERMINAL = "sapi migrate:"
    NOTEBOOK = "%migrate "


@dataclass(frozen=True, slots=True)
class Command:
    """A next step: the verb, the names behind it, and its options with their values (none for a flag)."""

    verb: str
    names: tuple[str, ...] = ()
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def typed(self, face: Face) -> str:
        """Return the command as it is typed there, each word quoted for that place.

        A name that a terminal would obey, such as one with a line end, is written out, so it cannot be pasted.
        """
        names = [_quote(name, face) for name in self.names]
        options = [word for flag, values in self.options for word in _option(flag, values, face)]
        if any(name.startswith("-") for name in self.names):
            return " ".join([begin(self.verb, face), *options, "--", *names])
        return " ".join([begin(self.verb, face), *names, *options])


@dataclass(frozen=True, slots=True)
class Option:
    """An option with its values, to be added to the command that was typed."""

    flag: str
    values: tuple[str, ...]

    def typed(self, face: Face) -> str:
        """Return the option as it is typed there, each value quoted for that place."""
        return " ".join(_option(self.flag, self.values, face))


#: What advice is made of.
Part = str | Command | Option


def command(verb: str, *names: str, **options: bool | str | Sequence[str]) -> Command:
    """Return a command; an option is named as in Python: `no_migrate=True`, `to=NAME`, `replaces=NAMES`.

    One that is False is left out.
    """
    return Command(verb, names, tuple((_flag(name), _values(value)) for name, value in options.items() if value))


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _values(value: bool | str | Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _option(flag: str, values: Sequence[str], face: Face) -> list[str]:
    if any(value.startswith("-") for value in values):
        return [f"{flag}={_quote(value, face)}" for value in values]
    return [flag, *(_quote(value, face) for value in values)]


def _quote(word: str, face: Face) -> str:
    """Return a word so that it is read as that word there. IPython expands a magic's line before it is split."""
    quoted = shlex.quote(visible_line(word))
    if face is Face.TERMINAL:
        return quoted
    return quoted.replace("$", "$''").replace("{", "{{").replace("}", "}}")


class Advice(str):
    """Text with commands in it. As a `str` it has the terminal's form; `typed` gives another face's.

    Added to text it stays one. What else makes a new string of it (an f-string, `strip`) keeps the terminal's form.
    """

    parts: tuple[Part, ...]

    def __new__(cls, *parts: Part) -> Self:
        flat = tuple(each for part in parts for each in (part.parts if isinstance(part, Advice) else (part,)))
        advice = super().__new__(cls, _join(flat, Face.TERMINAL))
        advice.parts = flat
        return advice

    def typed(self, face: Face) -> str:
        """Return the text with its commands as they are typed there."""
        return _join(self.parts, face)

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands, in the order of the text."""
        return tuple(part for part in self.parts if isinstance(part, Command))

    def __add__(self, other: str) -> Advice:
        return Advice(self, other)

    def __radd__(self, other: str) -> Advice:
        return Advice(other, self)

    def join(self, texts: Iterable[str], /) -> Advice:
        """Return the texts as one, with this one between them."""
        first, *rest = [*texts] or [""]
        return Advice(first, *(part for text in rest for part in (self, text)))

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        """Return the lines of the advice as advice, for `split("\\n")`; for another separator, plain strings."""
        if sep != "\n" or maxsplit != -1:
            return super().split(sep, maxsplit)
        lines: list[list[Part]] = [[]]
        for part in self.parts:
            first, *rest = part.split("\n") if isinstance(part, str) else [part]
            lines[-1].append(first)
            lines += [[each] for each in rest]
        return [Advice(*line) for line in lines]

    def translate(self, table: Any, /) -> Advice:
        """Return the advice with its text translated; a command is already safe to show."""
        return Advice(*(part.translate(table) if isinstance(part, str) else part for part in self.parts))

    def __getnewargs__(self) -> tuple[Part, ...]:  # type: ignore[override]  # what `__new__` takes here
        return self.parts


def _join(parts: Iterable[Part], face: Face) -> str:
    return "".join(_shown(part, face) for part in parts)


def _shown(part: Part, face: Face) -> str:
    if isinstance(part, str):
        return part
    return _marked(part.typed(face)) if isinstance(part, Command) else part.typed(face)


def _marked(text: str) -> str:
    """Return a command between backticks: as many as Markdown needs where the command holds some itself."""
    marks = "`"
    while marks in text:
        marks += "`"
    return f"{marks}{text}{marks}"


def typed(text: str, face: Face) -> str:
    """Return the text with its commands, if it is `Advice`, as they are typed there."""
    return text.typed(face) if isinstance(text, Advice) else text


def commands_of(text: str) -> tuple[Command, ...]:
    """Return the commands in a text: those of `Advice`, else none."""
    return text.commands if isinstance(text, Advice) else ()


def typed_lines(lines: Iterable[str], face: Face) -> list[str]:
    """Return the lines of an error or a result, those that are `Advice` with their commands as they are typed there."""
    return [typed(line, face) for line in lines]


def begin(verb: str, face: Face) -> str:
    """Return how a command with that verb begins there."""
    if face is Face.TERMINAL:
        return f"sapi {verb}" if verb in _ALONE_IN_TERMINAL else f"{face.value}{verb}"
    return f"%{verb}" if verb in _ALONE_IN_NOTEBOOK else f"{face.value}{verb}"
