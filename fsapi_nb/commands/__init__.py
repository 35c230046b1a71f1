"""The one table of verbs: names, options and help, for the terminal and the magics.

It parses what was typed and calls the `Migrator`; it shows nothing. A verb that is not here does not exist.
"""

from __future__ import annotations

from fsapi_nb.commands import database, files, looking, recording, running
from fsapi_nb.commands.arguments import Argument, CompletionKind
from fsapi_nb.commands.database import QUERY, answer
from fsapi_nb.commands.parsing import GLOBAL, Help, Parser, global_arguments, own_parser_of, parser_of, settings_of
from fsapi_nb.commands.verb import Verb
from fsapi_nb.errors import UsageError
from fsapi_nb.text.near import did_you_mean, near
from fsapi_nb.text.safe import visible_line

__all__ = [
    "CHANGING",
    "GLOBAL",
    "QUERY",
    "READING",
    "VERBS",
    "Argument",
    "CompletionKind",
    "Help",
    "Parser",
    "Verb",
    "answer",
    "find_verb",
    "global_arguments",
    "own_parser_of",
    "parser_of",
    "settings_of",
]

VERBS: tuple[Verb, ...] = (
    running.MIGRATE,
    looking.STATUS,
    looking.PENDING,
    looking.PLAN,
    looking.SHOW,
    looking.LINT,
    looking.CHANGES,
    looking.DRIFT,
    looking.DIFF,
    database.BLOCKERS,
    database.SCHEMA,
    database.DIAGRAM,
    files.INIT,
    files.MAKE,
    files.DOWN,
    running.ROLLBACK,
    running.REDO,
    running.FRESH,
    recording.BASELINE,
    recording.RENAME,
    recording.RETIRE,
    recording.REPAIR,
    recording.RESOLVE,
    looking.HISTORY,
    files.TRUST,
)
#: The verbs of which a user wants the result, and nothing else. A query may change data, but its answer is what is
#: wanted.
READING = frozenset(
    {
        "status",
        "pending",
        "plan",
        "show",
        "lint",
        "changes",
        "drift",
        "diff",
        "blockers",
        "diagram",
        "history",
        "query",
        "schema",
    }
)
#: The verbs that change the database or its history: their progress is shown while they run.
CHANGING = frozenset({"migrate", "rollback", "redo", "fresh", "baseline", "rename", "retire", "repair", "resolve"})


def find_verb(name: str) -> Verb:
    """Return the verb of that name. Raises UsageError if there is none."""
    found = next((verb for verb in VERBS if verb.name == name), None)
    if found is None:
        names = [verb.name for verb in VERBS]
        meant = near(name, names)
        hint = did_you_mean(meant) if meant else f"the verbs are {', '.join(names)}."
        raise UsageError(f"there is no verb {visible_line(name)!r}", hint=hint)
    return found
