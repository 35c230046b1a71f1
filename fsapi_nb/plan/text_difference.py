"""Compare what ran with what a file or cell says now, as lines of a unified diff."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.model.history import StoredScripts
from fsapi_nb.model.migration import Migration, Statement
from fsapi_nb.script.stored_text import to_store

LONGEST = 40


def script_difference(stored: StoredScripts, migration: Migration) -> list[str]:
    """Return how the migration differs from what ran; at most `LONGEST` lines.

    Both sides are without the secrets that are known today: an older release may have stored one.
    """
    import difflib

    lines: list[str] = []
    now = to_store(migration)
    for name, before, after in (("UP", stored.up, now.up), ("DOWN", stored.down, now.down)):
        if before != after:
            lines += difflib.unified_diff(
                _lines(before), _lines(after), f"{name} as it ran", f"{name} now", n=1, lineterm=""
            )
    return lines if len(lines) <= LONGEST else [*lines[:LONGEST], f"… {len(lines) - LONGEST} lines more"]


def text_difference(before: str | None, now: Sequence[Statement]) -> list[str]:
    """Return how the statements of a step differ from what ran of it; at most `LONGEST` lines."""
    import difflib

    after = ";\n".join(statement.text for statement in now)
    lines = list(difflib.unified_diff(_lines(before), _lines(after), "as it ran", "now", n=1, lineterm=""))
    return lines if len(lines) <= LONGEST else [*lines[:LONGEST], f"… {len(lines) - LONGEST} lines more"]


def _lines(text: str | None) -> list[str]:
    from fsapi_nb.script.redact import redact_sql

    return [line.rstrip() for line in redact_sql(text).strip().splitlines()] if text is not None else []
