"""What is said of a part of a step besides its statements: its timeouts, its row in the journal. Sends nothing."""

from __future__ import annotations

from psycopg import sql

from fsapi_nb.history.record import JournalRow
from fsapi_nb.model.plan import Mode, Step, StepPart
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.script.checksum import statements_checksum
from fsapi_nb.script.redact import redact_sql

_SHORT = 1 << 16  # characters of a script that is sent before what is in front of it is answered


def travels(step: Step) -> bool:
    """Whether all of a step can be sent before anything of it is answered, and the session is cleaned behind it."""
    return step.mode is Mode.TRANSACTION and not step.restore_session and all(map(_is_plain, step.parts))


def _is_plain(part: StepPart) -> bool:
    plain = part.of == 1 and part.is_parsed and not part.checks
    return plain and sum(_SHORT if each.copy else len(each.text) for each in part.statements) < _SHORT


def wanted(part: StepPart) -> dict[str, str]:
    """The timeouts that a script's `-- fsapi:` lines ask for."""
    script = part.migration.script(part.direction)
    given = script.parsed.options if script else {}
    return {name: given[name] for name in ("lock_timeout", "statement_timeout") if name in given}


def options(part: StepPart) -> tuple[Message, ...]:
    """The settings that the file asks for, until the end of the transaction."""
    return tuple(
        Message(sql.SQL("SET LOCAL {} TO {}").format(sql.Identifier(name), sql.Literal(value)).as_bytes())
        for name, value in wanted(part).items()
    )


def done_row(part: StepPart, *, waited: float = 0.0, in_transaction: bool = True) -> JournalRow:
    """The journal's row of a part that is done; `waited` are the seconds before the transaction that writes it."""
    row = row_of(part, "done", in_transaction=True)
    return row._replace(duration_ms=round(waited * 1000), in_transaction=in_transaction)


def row_of(part: StepPart, state: str, *, in_transaction: bool) -> JournalRow:
    """The journal's row of a part; of several, or outside of a transaction, with the text that it runs."""
    row = JournalRow(
        part.migration, part.direction.value, state, part.number + 1, part.of, in_transaction=in_transaction
    )
    if part.of == 1 and in_transaction:
        return row
    text = ";\n".join(statement.text for statement in part.statements)
    return row._replace(
        step_checksum=statements_checksum(part.statements), script=redact_sql(text, of=part.migration.up.written.source)
    )
