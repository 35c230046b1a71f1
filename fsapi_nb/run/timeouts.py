"""Set the timeouts that the `-- fsapi:` lines of a script ask for."""

from __future__ import annotations

from psycopg import sql

from fsapi_nb.model.plan import StepPart
from fsapi_nb.postgres.pipeline import Message


def script_timeouts(part: StepPart) -> dict[str, str]:
    """Return the timeouts that the script of a part asks for, by the names of the settings."""
    script = part.migration.script(part.direction)
    options = script.parsed.options if script else {}
    return {name: options[name] for name in ("lock_timeout", "statement_timeout") if name in options}


def timeout_messages(part: StepPart) -> tuple[Message, ...]:
    """Return the messages that set the timeouts of a part until the transaction ends."""
    return tuple(
        Message(sql.SQL("SET LOCAL {} TO {}").format(sql.Identifier(name), sql.Literal(value)).as_bytes())
        for name, value in script_timeouts(part).items()
    )
