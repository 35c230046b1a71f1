r"""Write the pieces of a script for psql: messages of the runner, statements of a file, checks.

Answers of the runner's own queries are not shown: `\gset` keeps them in variables of psql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from fsapi_nb.history.script_guard import RUN
from fsapi_nb.model.migration import Check, Statement
from fsapi_nb.model.plan import Step, StepPart
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.run.check import OPENING
from fsapi_nb.run.plan_script import ScriptPiece
from fsapi_nb.script.psql_text import comment, dollar_tag, echo, for_psql, literal, needs_encoding

#: The id of a run that stands for psql's variable in the messages of a recorder.
NO_RUN = UUID(int=0)
#: The command that makes psql and the server read what follows as what it is.
ENCODING = r"\encoding UTF8"
# A parameter, a blank, or what may hold others that are none.
_PARAMETER = re.compile(r""""(?:[^"]|"")*"|'(?:[^']|'')*'|\$(\d+)|\s+""")
_RETURNING = re.compile(r"\s+RETURNING duration_ms$")
# A row holds if all its columns are boolean and true: `t` as a row's text, and true as JSON, which no other type is.
_CHECKING = r"""
DECLARE
    checked refcursor := 'fsapi_nb_check';
    answer record;
BEGIN
    LOOP
        FETCH checked INTO answer;
        EXIT WHEN NOT FOUND;
        IF NOT (answer::pg_catalog.text OPERATOR(pg_catalog.~) '^\(t(,t)*\)$') OR EXISTS (
            SELECT FROM pg_catalog.json_each_text(pg_catalog.row_to_json(answer)) AS found
            WHERE found.value OPERATOR(pg_catalog.<>) 'true')
        THEN
            RAISE EXCEPTION USING MESSAGE = {message}, DETAIL = answer::pg_catalog.text;
        END IF;
    END LOOP;
END
"""
_INVALID = """
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
        WHERE i.indrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({relation})
            AND c.relname OPERATOR(pg_catalog.=) {name} AND NOT i.indisvalid)
    THEN
        RAISE EXCEPTION USING MESSAGE = 'the index is there, but invalid', HINT = 'drop it, and go on with sapi migrate.';
    END IF;
END
"""


def message_piece(message: Message) -> ScriptPiece:
    """Return a message of the runner as text: values in the place of its parameters, and no answer shown."""
    text = _RETURNING.sub("", filled(message))
    return ScriptPiece(unseen(text) if text.startswith("SELECT ") else f"{text};")


def filled(message: Message) -> str:
    """Return the text of a message with its values; the run's id is the variable of psql that has it."""
    values = [None if value is None else bytes(value).decode() for value in message.values]

    def written(found: re.Match[str]) -> str:
        if found[1]:
            value = values[int(found[1]) - 1]
            return "NULL" if value is None else f":'{RUN}'" if value == str(NO_RUN) else literal(value)
        if found[0].strip():
            return found[0]
        return "\n    " if "\n" in found[0] else " "

    return _PARAMETER.sub(written, message.text.decode()).strip()


def unseen(query: str) -> str:
    """Return a query whose answer is not shown, however many rows it has."""
    return f"SELECT pg_catalog.count(answer.*) AS answers FROM ({query}) AS answer \\gset fsapi_nb_"


def titled(title: str) -> ScriptPiece:
    """Return what is above a part of a script that no file has."""
    return ScriptPiece(f"\n{comment(title)}")


def heads(number: int, step: Step) -> Iterator[ScriptPiece]:
    """Yield what is above a step: what it runs of which migration, and how, for readers of the script and of its output."""
    for part in step.parts:
        of = f", step {part.number + 1} of {part.of}" if part.of > 1 else ""
        head = f"{number + 1}. {part.direction.value} {part.migration.name}{of}"
        yield ScriptPiece(f"\n{comment(head)}\n{comment(step.reason)}\n{echo(head)}")


def statement_pieces(statement: Statement, part: StepPart) -> Iterator[ScriptPiece]:
    """Yield a statement of a file, and the data of its COPY."""
    yield from _encoding(statement)
    yield ScriptPiece(for_psql(statement.text, statement.traits.kind), source=part.migration.up.written.source)
    if statement.copy is not None:
        yield ScriptPiece(copy=statement.copy)


def check_pieces(check: Check, part: StepPart) -> Iterator[ScriptPiece]:
    """Yield what asks a query that must hold, and fails with the first row for which it does not."""
    source = part.migration.up.written.source
    yield from _encoding(check.statement)
    yield ScriptPiece(
        f"{comment(f'CHECK: {check.title}')}\n{for_psql(OPENING + check.statement.text, 'DECLARE')}", source
    )
    body = _CHECKING.format(message=literal(f"a check of {part.migration.name} does not hold: {check.title}"))
    tag = dollar_tag(body)
    yield ScriptPiece(f"DO {tag}{body}{tag};\nCLOSE fsapi_nb_check;")


def _encoding(statement: Statement) -> Iterator[ScriptPiece]:
    if needs_encoding(statement.text):
        yield ScriptPiece(ENCODING)


def valid_index(statement: Statement) -> Iterator[str]:
    """Yield what fails if an index was left invalid: IF NOT EXISTS passes over one in silence."""
    effect = statement.traits.effect
    if not statement.builds_index or effect.name is None or effect.relation is None:
        return
    body = _INVALID.format(relation=literal(effect.relation), name=literal(effect.name))
    tag = dollar_tag(body)
    yield f"DO {tag}{body}{tag};"
