"""Write commands in messages so that they can be pasted where the user is: a terminal or a notebook.

A next step is a value, `Command`: a verb, names and options. `Advice` is text with commands in it. Each face shows it
in its own form: a shell splits a terminal's line; IPython expands a magic's line (`{name}`, `$name`) before it is split
as a shell does.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self, SupportsIndex

from fsapi_nb.text.safe import visible_line

# Verbs that are a command of their own (`sapi query`, `%rollback`), without `migrate` before them.
_ALONE_IN_TERMINAL = frozenset({"migrate", "init", "query", "schema", "trust"})
_ALONE_IN_NOTEBOOK = frozenset({"migrate", "rollback", "query", "schema"})


class Face(Enum):
    """A place in which commands are typed; its value is the text before a verb there."""

    TERMINAL = "sapi migrate:"
    NOTEBOOK = "%migrate "


@dataclass(frozen=True, slots=True)
class Command:
    """A next step: a verb, the names after it, and its options with their values (none for a flag)."""

    verb: str
    names: tuple[str, ...] = ()
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def typed(self, face: Face) -> str:
        """Return the command as it is typed at a face, each word quoted for it.

        Control characters in a name, such as a line end, are written out: such a command cannot be pasted.
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
        """Return the option as it is typed at a face, each value quoted for it."""
        return " ".join(_option(self.flag, self.values, face))


#: A part of advice.
Part = str | Command | Option


def command(verb: str, *names: str, **options: bool | str | Sequence[str]) -> Command:
    """Return a command; its options are named as in Python: `no_migrate=True`, `to=NAME`.

    An option whose value is False or empty is left out.
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
    """Return a word quoted for a face. IPython expands a magic's line before it is split."""
    quoted = shlex.quote(visible_line(word))
    if face is Face.TERMINAL:
        return quoted
    return quoted.replace("$", "$''").replace("{", "{{").replace("}", "}}")


class Advice(str):
    """Text with commands in it. As a `str` it has the terminal's form; `typed` gives another face's.

    Advice plus text is advice. Other operations (an f-string, `strip`) give a plain string in the terminal's form.
    """

    __slots__ = ("parts",)
    parts: tuple[Part, ...]

    def __new__(cls, *parts: Part) -> Self:
        """Join texts, commands, options and other advice."""
        flat = tuple(each for part in parts for each in (part.parts if isinstance(part, Advice) else (part,)))
        advice = super().__new__(cls, _join(flat, Face.TERMINAL))
        advice.parts = flat
        return advice

    def typed(self, face: Face) -> str:
        """Return the text with its commands as they are typed at a face."""
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
        """Return the texts joined, with this advice between them."""
        first, *rest = [*texts] or [""]
        return Advice(first, *(part for text in rest for part in (self, text)))

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        r"""Return the lines of the advice as advice, for `split("\n")`; for another separator, plain strings."""
        if sep != "\n" or maxsplit != -1:
            return super().split(sep, maxsplit)
        lines: list[list[Part]] = [[]]
        for part in self.parts:
            first, *rest = part.split("\n") if isinstance(part, str) else [part]
            lines[-1].append(first)
            lines += [[each] for each in rest]
        return [Advice(*line) for line in lines]

    def translate(self, table: Any, /) -> Advice:
        """Return the advice with its text translated. Commands stay: they are safe to show already."""
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
    """Return a command between backticks: as many as Markdown needs if the command itself holds some."""
    marks = "`"
    while marks in text:
        marks += "`"
    return f"{marks}{text}{marks}"


def typed(text: str, face: Face) -> str:
    """Return the text, its commands as they are typed at a face if it is `Advice`."""
    return text.typed(face) if isinstance(text, Advice) else text


def commands_of(text: str) -> tuple[Command, ...]:
    """Return the commands in a text: those of `Advice`, else none."""
    return text.commands if isinstance(text, Advice) else ()


def typed_lines(lines: Iterable[str], face: Face) -> list[str]:
    """Return the lines of an error or a result with their commands as they are typed at a face."""
    return [typed(line, face) for line in lines]


def begin(verb: str, face: Face) -> str:
    """Return the beginning of a command with a verb at a face: `sapi migrate:plan`, `%migrate plan`."""
    if face is Face.TERMINAL:
        return f"sapi {verb}" if verb in _ALONE_IN_TERMINAL else f"{face.value}{verb}"
    return f"%{verb}" if verb in _ALONE_IN_NOTEBOOK else f"{face.value}{verb}"
