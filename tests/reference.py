"""Writes docs/reference.md from the code: `uv run python -m tests.reference`. A test keeps it current."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fsapi_nb import errors
from fsapi_nb.commands import GLOBAL, QUERY, VERBS, Argument
from fsapi_nb.notebook.line import VERB_OF_MAGIC
from fsapi_nb.notebook.magics import MigrateMagics
from fsapi_nb.project.configuration import DATABASE_SETTINGS, LINT_SETTINGS, SETTINGS
from fsapi_nb.runbook.commands import COMMANDS
from fsapi_nb.script.options import HELP as OPTIONS

FILE = Path(__file__).parent.parent / "docs" / "reference.md"
_HEAD = """# Reference

Made from the code by `uv run python -m tests.reference`. What these are for, and how they go together, the
[README](../README.md) and the [notebooks](../notebooks) say.
"""


def reference() -> str:
    """The whole document."""
    parts = [_HEAD, *_verbs(), *_magics(), *_runbooks(), *_global(), *_settings(), *_errors()]
    return "\n".join(parts)


def _verbs() -> Iterator[str]:
    yield "## Verbs\n\nIn a notebook `%migrate VERB`, in a terminal `sapi migrate:VERB`, in Python a method of `Migrator`.\n"
    for verb in (*VERBS, QUERY):
        command = verb.name if verb.name in {"migrate", "init", "query", "schema", "trust"} else f"migrate:{verb.name}"
        magic = f"%{verb.name}" if verb.name in {"migrate", "rollback", "schema", "query"} else f"%migrate {verb.name}"
        yield f"### {verb.name}\n\n{_sentence(verb.help)} `{magic}`, `sapi {command}`\n"
        yield from _arguments(verb.arguments)


def _magics() -> Iterator[str]:
    yield "## Magics\n"
    for name in ("migrate", "rollback", "schema", "query", "migration", "check"):
        method = inspect.unwrap(getattr(MigrateMagics, "look" if name == "schema" else name))
        yield f"- `%{'%' if name in {'migration', 'check'} else ''}{name}`: {_first(method.__doc__)}"
    yield "- `%migrate panel`: all migrations in one live view, with buttons.\n"
    for name in ("migration", "check"):
        yield f"### %%{name}\n"
        yield from _arguments(VERB_OF_MAGIC[name].arguments)
    yield "### %config MigrateMagics\n\n| setting | what it says |\n|---|---|"
    for name, trait in sorted(MigrateMagics.class_traits(config=True).items()):
        yield f"| `{name}` | {trait.help} |"
    yield ""


def _runbooks() -> Iterator[str]:
    yield "## Runbooks\n"
    for command in COMMANDS:
        yield f"### runbook:{command.name}\n\n{_sentence(command.help)} `sapi runbook:{command.name}`\n"
        yield from _arguments(command.arguments)


def _global() -> Iterator[str]:
    yield "## Options of every verb but init and trust\n"
    yield from _arguments(GLOBAL)
    yield "A terminal has `--json` as well: one JSON document on stdout.\n"


def _settings() -> Iterator[str]:
    yield "## Settings\n\nIn `[tool.fsapi_nb]` of `pyproject.toml`:\n\n| key | what it says |\n|---|---|"
    yield from (f"| `{name}` | {setting.text} |" for name, setting in sorted(SETTINGS.items()))
    yield "\nIn `[tool.fsapi_nb.databases.NAME]`:\n\n| key | what it says |\n|---|---|"
    yield from (f"| `{name}` | {setting.text} |" for name, setting in sorted(DATABASE_SETTINGS.items()))
    yield "\nIn `[tool.fsapi_nb.lint]`:\n\n| key | what it says |\n|---|---|"
    yield from (f"| `{name}` | {setting.text} |" for name, setting in sorted(LINT_SETTINGS.items()))
    yield "\nIn comment lines before the first statement of a script, `-- fsapi: NAME=VALUE`:\n\n| name | what it says |\n|---|---|"
    yield from (f"| `{name}` | {text} |" for name, text in sorted(OPTIONS.items()))
    yield ""


def _errors() -> Iterator[str]:
    yield "## Errors\n\nThe exit code is that of the terminal.\n\n| error | what it means | what to do | exit |\n|---|---|---|---|"
    for kind in error_classes():
        meaning, todo = meaning_of(kind)
        yield f"| `{kind.__name__}` | {meaning} | {todo} | {kind.exit_code} |"
    yield ""


def error_classes() -> list[Any]:
    """Every error that users can meet."""
    found = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, BaseException)]
    return [each for each in found if each is not errors.FsapiError]


def meaning_of(kind: type[object]) -> tuple[str, str]:
    """What an error means, and what to do about it, from its docstring. Raises ValueError where either is missing."""
    text = inspect.cleandoc(kind.__dict__.get("__doc__") or "")
    match = re.search(r"What to do: (.+)", text, re.DOTALL)
    if not match:
        raise ValueError(f"{kind.__name__} does not say what to do")
    return _cell(_first(text)), _cell(_sentence(match[1]))


def _arguments(arguments: Iterable[Argument]) -> Iterator[str]:
    rows = [
        f"| `{_shown(each)}` | {_cell(str(each.settings['help']))} |" for each in arguments if "help" in each.settings
    ]
    if rows:
        yield "| argument | what it says |\n|---|---|"
        yield from rows
        yield ""


def _shown(argument: Argument) -> str:
    metavar = argument.settings.get("metavar", "")
    return f"{', '.join(argument.flags)} {metavar}".strip() if argument.is_option else str(metavar or argument.flags[0])


def _first(doc: str | None) -> str:
    return " ".join(inspect.cleandoc(doc or "").split("\n\n")[0].split())


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
