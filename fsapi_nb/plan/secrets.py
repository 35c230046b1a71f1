"""Warn of a secret that is written in a migration.

Every reader of the file has it, and the history does not keep it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fsapi_nb.model.migration import Migration
from fsapi_nb.script.redact import secret_lines
from fsapi_nb.text.command import Advice, command


def secret_notes(migrations: Iterable[Migration]) -> Iterator[str]:
    """Yield a note for each migration with a literal that is a secret by its name."""
    for migration in migrations:
        lines = secret_lines(migration.up.written.source)
        if lines:
            more = f", and {len(lines) - 1} more," if len(lines) > 1 else ""
            yield Advice(
                f"a secret is written in {migration.name}, line {lines[0]}{more} and will be stored as ***: write "
                "current_setting('fsapi.NAME') instead, and ",
                command("migrate", set="NAME"),
                ", which takes its value from the environment and stores it nowhere",
            )
