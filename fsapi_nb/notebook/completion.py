"""Complete verbs, options, migrations, databases, variables and SQL after Tab, by IPython's matcher interface (v2).

The completions come from the tables of verbs and magics; names come from the folder, `pyproject.toml` and, for SQL, from
the database if a cell has reached it (`known_tables`). Without a magic of fsapi_nb it offers nothing, and it never
raises.
"""

from __future__ import annotations

import itertools
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from fsapi_nb.commands import VERBS, Argument, CompletionKind, Verb, global_arguments
from fsapi_nb.notebook.jupysql import NAME as JUPYSQL
from fsapi_nb.notebook.line import VERB_OF_MAGIC
from fsapi_nb.notebook.magics import MigrateMagics
from fsapi_nb.notebook.sql_completion import complete_object, complete_sql, find_sql
from fsapi_nb.script.name_match import names_with
from fsapi_nb.verbs.request import PLANNED

if TYPE_CHECKING:
    from fsapi_nb.notebook.names import KnownNames

_CALL = re.compile(r"\s*(?P<assigned>[^%=]*[^%=!<>:]=\s*)?(?P<sign>%%?)(?P<name>\w+)\s(?P<rest>.*)")
_WORD = re.compile(r"""(?:'[^']*(?:'|$)|"[^"]*(?:"|$)|[^\s'"])+""")


def completer(magics: MigrateMagics) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return the matcher of these magics, for `Completer.custom_matchers`."""

    # IPython's decorator is not annotated.
    @context_matcher(identifier="fsapi_nb")  # type: ignore[untyped-decorator]
    def offer(context: CompletionContext) -> SimpleMatcherResult:
        try:
            fragment, offers = _offers(magics, context)
        except Exception:  # noqa: BLE001 - the completer is not the place to report a broken pyproject.toml
            fragment, offers = "", []
        if not offers:
            return SimpleMatcherResult(completions=[])
        return SimpleMatcherResult(completions=offers, matched_fragment=fragment, ordered=True, suppress=True)

    return offer  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _Line:
    """A call of a magic as far as it is typed: whole words, and the `fragment` that ends at the cursor."""

    magic: str
    words: list[str]
    fragment: str


@dataclass(frozen=True, slots=True)
class _Typed:
    """The meaning of a line's words: the arguments `given`, and the argument whose value is `awaited` next."""

    given: list[Argument]
    awaited: Argument | None
    is_option: bool


def _offers(magics: MigrateMagics, context: CompletionContext) -> tuple[str, list[SimpleCompletion]]:
    """Return the text before the cursor that is replaced, and what it can be replaced with."""
    if sql := find_sql(magics, context):
        return complete_sql(magics, sql)
    line = _line(magics, context)
    if line is None:
        return "", []
    verb, words = VERB_OF_MAGIC.get(line.magic), line.words
    if verb is None:
        verb, words = _verb(words)
    typed = _typed(verb, words) if verb else None
    if verb is None or typed is None:
        return "", []
    verbs = VERBS if line.magic == "migrate" and not line.words else ()
    return _complete(magics, verb, typed, line, verbs)


def _complete(
    magics: MigrateMagics, verb: Verb, typed: _Typed, line: _Line, verbs: Sequence[Verb]
) -> tuple[str, list[SimpleCompletion]]:
    flag, equals, value = line.fragment.partition("=")
    if equals and flag.startswith("-"):
        argument = next((each for each in _options(verb) if flag in each.flags), None)
        return value, list(_values(magics, argument, line.words, value)) if argument else []
    fragment = line.fragment
    if typed.is_option:
        return fragment, list(_values(magics, typed.awaited, line.words, fragment))
    offers = [SimpleCompletion(each.name, type="keyword") for each in verbs if each.name.startswith(fragment)]
    if not fragment.startswith("-"):
        offers += _values(magics, typed.awaited, line.words, fragment)
    if fragment.startswith("-") or not fragment:
        offers += [SimpleCompletion(flag, type="param") for flag in _flags(verb, typed.given, fragment)]
    return fragment, offers


def _line(magics: MigrateMagics, context: CompletionContext) -> _Line | None:
    """Return the line up to the cursor if it calls one of these magics; None otherwise, and in a cell magic's body."""
    lines = context.full_text.split("\n")
    first = next((number for number, text in enumerate(lines) if text.strip()), 0)
    call = _CALL.fullmatch(context.text_until_cursor)
    if call is None or (context.cursor_line > first and lines[first].startswith("%%")):
        return None
    is_cell = call["sign"] == "%%"
    if is_cell and (call["assigned"] or context.cursor_line > first):
        return None
    shell: Any = magics.shell
    function = shell.magics_manager.magics["cell" if is_cell else "line"].get(call["name"])
    if getattr(function, "__self__", None) is not magics:  # such as another extension's %migrate
        return None
    *words, fragment = _words(call["rest"])
    return _Line(call["name"].removeprefix("fsapi_"), [re.sub("['\"]", "", word) for word in words], fragment)


def _words(text: str) -> list[str]:
    """Split a text into words as a shell does, but keep the quotes; the last word ends at the cursor and may be empty."""
    found = list(_WORD.finditer(text))
    words = [match[0] for match in found]
    if not found or found[-1].end() < len(text):
        return [*words, ""]
    return [*words[:-1], words[-1].removeprefix("'").removeprefix('"')]


def _verb(words: list[str]) -> tuple[Verb | None, list[str]]:
    """Return the verb of `%migrate`, None if there is no such verb, and the words after it."""
    named = bool(words) and not words[0].startswith("-")
    name = words[0] if named else "migrate"
    return next((verb for verb in VERBS if verb.name == name), None), words[1:] if named else words


def _typed(verb: Verb, words: list[str]) -> _Typed | None:
    """Return the meaning of the words; None if there is one too many, such as the SQL of a query."""
    positional = [argument for argument in verb.arguments if not argument.is_option]
    flags = {flag: argument for argument in _options(verb) for flag in argument.flags}
    given: list[Argument] = []
    awaited: Argument | None = None
    for word in words:
        if awaited:
            awaited = None
            continue
        flag, equals, _ = word.partition("=")
        if not word.startswith("-"):
            if not positional:
                return None
            positional.pop(0)
        elif flag in flags:
            given.append(flags[flag])
            awaited = flags[flag] if flags[flag].takes_value and not equals else None
    return _Typed(given, awaited or next(iter(positional), None), is_option=awaited is not None)


def _options(verb: Verb) -> list[Argument]:
    return [argument for argument in (*verb.arguments, *global_arguments(verb)) if argument.is_option]


def _flags(verb: Verb, given: Sequence[Argument], fragment: str) -> list[str]:
    """Return the options that may still be given; short forms only if a dash was typed."""
    open_ones = [argument for argument in _options(verb) if argument.repeats or argument not in given]
    return [
        flag
        for argument in open_ones
        for flag in (argument.flags if fragment else argument.flags[:1])
        if flag.startswith(fragment)
    ]


def _values(
    magics: MigrateMagics, argument: Argument | None, words: Sequence[str], fragment: str
) -> Iterator[SimpleCompletion]:
    """Yield the known names that an argument's value may be, if the fragment is a part of them."""
    match argument.values if argument else None:
        case CompletionKind.MIGRATION:
            # Nobody remembers the time that a file's name begins with.
            for name in names_with(fragment, _names(magics, words).migrations):
                yield SimpleCompletion(name, type="path")
        case CompletionKind.DATABASE:
            databases = _names(magics, words).databases
            known = (*databases, JUPYSQL) if "sql.connection" in sys.modules else databases
            for name in _beginning(known, fragment):
                yield SimpleCompletion(shlex.quote(name), type="instance")  # pyproject.toml may call it anything
        case CompletionKind.VARIABLE:
            for name in _beginning(_variables(magics.shell), fragment):
                yield SimpleCompletion(name, type="instance")
        case CompletionKind.OBJECT:
            yield from complete_object(magics, words, fragment)
        case CompletionKind.PLANNED:
            for name in _beginning(PLANNED, fragment):
                yield SimpleCompletion(name, type="keyword")


def _beginning(names: Sequence[str], fragment: str) -> list[str]:
    return [name for name in names if name.startswith(fragment)]


def _names(magics: MigrateMagics, words: Sequence[str]) -> KnownNames:
    """Return the names for the folder of the line's `--dir`, of `%config`, or else of the project."""
    from fsapi_nb.notebook.names import find_names

    given = [word.partition("=")[2] for word in words if word.startswith("--dir=")]
    given += [value for word, value in itertools.pairwise(words) if word == "--dir"]
    return find_names(given[-1] if given else magics.directory)


def _variables(shell: Any) -> list[str]:
    """Return the notebook's variables that may hold a value for SQL: no modules, functions or classes."""
    return sorted(
        name
        for name, value in shell.user_ns.items()
        if not name.startswith("_")
        and name not in shell.user_ns_hidden
        and not isinstance(value, ModuleType)
        and not callable(value)
    )
