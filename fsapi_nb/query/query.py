"""Run any SQL exactly as it is written, in one transaction, and give back what PostgreSQL answered, exactly.

The text travels as one message: no templating, no splitting; parameters beside it, never in it. A single query that
only reads may travel within a COPY (`fsapi_nb.query.copy`), as its rows come several times as fast then.
This module neither connects, nor reads values (`fsapi_nb.query.values`), nor formats them (`fsapi_nb.views`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from fsapi_nb.errors import UNCHANGED, QueryFailed, TransactionEnded, UsageError
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.model.server import ServerMessage
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.untranslatable import lacking, say_lacking
from fsapi_nb.postgres.wire import (
    COPYING,
    FAILED,
    Connection,
    QueryParameters,
    Reply,
    collect,
    describe,
    encoding_of,
    send,
)
from fsapi_nb.query.adaptation import is_list
from fsapi_nb.query.copy import OPENING, announced_columns, copy_rows, message_of, plain_query
from fsapi_nb.query.parameters import bind
from fsapi_nb.query.values import JSON_NULL, JsonNull, JsonText, read_results

if TYPE_CHECKING:
    from fsapi_nb.script.parser import Token

__all__ = ["JSON_NULL", "Column", "Connection", "JsonNull", "JsonText", "ResultSet", "run_query"]


def run_query(
    connection: Connection, sql: str, parameters: Sequence[object] = (), *, read_only: bool = False
) -> tuple[ResultSet, ...]:
    """Run `sql` in one transaction of its own and return the result of each statement, in order.

    A statement that stands alone and that PostgreSQL refuses in a transaction block (VACUUM, CREATE DATABASE) runs
    outside of one, unless `read_only` is asked for.

    Args:
        connection: In autocommit mode, and idle.
        parameters: Bound to `$1`, `$2` and so on of a text that is one statement.
        read_only: A guard against mistakes, not against intent: SQL can lift it (`SET TRANSACTION READ WRITE`).

    Raises:
        QueryFailed: The server refused a statement, or the connection was lost.
        TransactionEnded: The text ended the transaction itself.
        UsageError: Parameters cannot be bound, or there are more or fewer than the text has.

    Values: int2, int4, int8, oid as int; bool; float4, float8 as float; numeric as Decimal; uuid as UUID; bytea as
    bytes; date, time and timestamp types as those of `datetime`, timestamptz in UTC; interval without months as
    timedelta; json and jsonb as Python objects whose fractions are Decimal (JSON_NULL for `null`, JsonText for
    what Python would change: repeated keys, lone surrogates, great depth); arrays as lists; ranges as psycopg's
    Range and Multirange; everything else as PostgreSQL's text. So is every single value that its Python type
    cannot hold: infinity, dates BC or after 9999, 24:00, arrays that do not count from one. Elements of json[] and
    jsonb[] are JSON text. Dates and intervals are read in the server's default ISO and `postgres` styles only:
    in others they are ambiguous, and stay text.
    """
    with connection.lock:
        if connection.pgconn.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
            raise ValueError("run_query needs a connection in autocommit mode that is not in a transaction")
        query = _SentQuery(sql, _encode(connection, sql))
        if parameters:
            _check_parameters(query, parameters)
            query = _SentQuery(query.text, query.message, bind(connection, parameters))
        read = _in_transaction(connection, query, read_only=read_only) or _outside_transaction(connection, query)
        return read()


def run_prefixed(
    connection: Connection, prefix: str, sql: str, parameters: Sequence[object] = (), *, read_only: bool
) -> ResultSet:
    """Run one statement behind a prefix such as `EXPLAIN `, in a transaction of its own that is rolled back.

    Args:
        connection: In autocommit mode, and idle.
        prefix: What is sent in front of the SQL.
        sql: One statement: the server refuses more.
        parameters: Bound to `$1`, `$2` and so on.
        read_only: A guard against mistakes, not against intent.

    Raises:
        QueryFailed: The server refused it, or the connection was lost.
        UsageError: Parameters cannot be bound, or there are more or fewer than the text has.
    """
    with connection.lock:
        query = _SentQuery(sql, _encode(connection, sql))
        _check_parameters(query, parameters)
        message = prefix.encode() + query.message
        query = _SentQuery(sql, message, bind(connection, parameters), before=len(prefix))
        try:
            _begin(connection, _BEGIN_READ_ONLY if read_only else _BEGIN)
            reply = send(connection, query.message, query.bound)
            if reply.error:
                raise _failure(connection, query, reply, lost=_LOST_BEFORE_COMMIT)
        finally:
            _roll_back(connection)
        return read_results(connection, reply.results)[0]


# ------------------------------------------------------------------------------------------ sending the text


@dataclass(frozen=True, slots=True)
class _SentQuery:
    """The text, the bytes of it that travel, and the parameters that travel beside them.

    `before` characters are sent in front of it.
    """

    text: str
    message: bytes
    bound: QueryParameters | None = None
    before: int = 0


# For fsapi_nb's own BEGIN and COMMIT: a position in them is not one in the text.
_UNPLACED = _SentQuery("", b"")

_IN_BLOCK = (TransactionStatus.INTRANS, TransactionStatus.INERROR)

# fsapi_nb sets a setting in its transaction, to recognise another one after `ROLLBACK AND CHAIN`, whose tag and state
# are those of ROLLBACK TO SAVEPOINT. A setting takes no snapshot, so the text may still begin with SET TRANSACTION,
# which a savepoint would forbid.
_BEGIN = (b"BEGIN", b"SET LOCAL fsapi_nb.query = 'ours'")
# After a query, SET TRANSACTION READ WRITE is refused: so a query comes first.
_BEGIN_READ_ONLY = (b"BEGIN READ ONLY", b"SET LOCAL fsapi_nb.query = 'ours'", b"SELECT 1")

# Of a large result libpq gives so many rows at once, so that those which are read can be let go.
_PART = 10_000

_ROLLED_BACK = "unchanged; the transaction was rolled back."
_LOST_BEFORE_COMMIT = (
    "the connection is lost. query had sent no COMMIT, so the server rolls back all that the text did not "
    "itself commit."
)
_LOST_IN_COMMIT = "the connection was lost during COMMIT: whether the changes were made is not known."
_LOST_OUTSIDE = "the connection was lost; the statement runs outside transactions, so what it did is not known."
_FAILED_OUTSIDE = "it ran outside a transaction, as it must; what it may have left (an invalid index) is still there."


def _encode(connection: Connection, sql: str) -> bytes:
    """Encode the text; refuse what cannot travel, rather than send another text than the one written."""
    try:
        message = sql.encode(encoding_of(connection))
        bad, why = sql.find("\0"), "The text holds a NUL character, which ends every message to PostgreSQL."
    except UnicodeEncodeError as error:
        bad, why = error.start, say_lacking(sql[error.start], error.encoding)
    if bad >= 0:
        printable = sql.encode(errors="replace").decode().replace("\0", "?")
        raise QueryFailed(ServerMessage("22021", why), place=place_in(printable, bad), state=UNCHANGED)
    return message


def secret_values(sql: str, parameters: Sequence[object] = ()) -> Iterator[object]:
    """Yield the secrets of the SQL and of its parameters, by the names of columns: an error may quote them."""
    from fsapi_nb.script.parsed_secrets import secret_parameters
    from fsapi_nb.script.redact import written_secrets
    from fsapi_nb.text.secrets import may_hold_secret

    yield from written_secrets(sql)
    text = sql.encode(errors="replace")
    for number in secret_parameters(text) if parameters and may_hold_secret(text) else ():
        for value in parameters[number - 1 : number]:
            yield from value if isinstance(value, list | tuple | set) else [value]


def _check_parameters(query: _SentQuery, parameters: Sequence[object]) -> None:
    """Refuse a second statement, and a parameter that is not used: PostgreSQL's own errors name neither."""
    given = len(parameters)
    # The parser is large, and rarely needed here.
    from fsapi_nb.script.parser import COMMENTS, PARAMETER, parse, scan
    from fsapi_nb.script.tokens import SqlSyntaxError

    text = query.text.encode()
    tokens, problem = scan(text)
    numbers = [int(text[token.start + 1 : token.end]) for token in tokens if token.kind == PARAMETER]
    wanted = max(numbers, default=0)
    if problem is None and wanted != given:
        raise UsageError(
            f"the SQL has {f'parameters up to ${wanted}' if wanted else 'no parameter $1'}, and "
            f"{given} {'value is' if given == 1 else 'values are'} given",
            hint="the first value is $1, the second $2, each as often as wanted.",
        )
    _refuse_list_in_parentheses([token for token in tokens if token.kind not in COMMENTS], text, parameters)
    try:
        statements = parse(text)
    except SqlSyntaxError:
        return  # PostgreSQL says what is wrong with it
    if len(statements) > 1:
        start = next(t.start for t in tokens if t.start >= statements[1].start and t.kind not in COMMENTS)
        message = f"this text is {len(statements)} statements, and parameters can be bound to one"
        place = place_in(query.text, len(text[:start].decode()))
        raise QueryFailed(ServerMessage("42601", message), place=place, state=UNCHANGED)


def _refuse_list_in_parentheses(tokens: Sequence[Token], text: bytes, parameters: Sequence[object]) -> None:
    """Refuse `IN ($1)` with a list of texts: PostgreSQL would make one text of it, and no row would match."""
    from fsapi_nb.script.parser import PARAMETER

    for within, opening, parameter, closing in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        if [within.kind, opening.kind, parameter.kind, closing.kind] != ["IN_P", "ASCII_40", PARAMETER, "ASCII_41"]:
            continue
        number = int(text[parameter.start + 1 : parameter.end])
        if 0 < number <= len(parameters) and is_list(parameters[number - 1]):
            raise UsageError(
                f"${number} is a {type(parameters[number - 1]).__name__}, and IN (${number}) compares with all of it as one "
                "value",
                state=UNCHANGED,
                hint=f"write = any(${number}), or <> all(${number}) for NOT IN, with a list.",
            )


_Read: TypeAlias = Callable[[], tuple[ResultSet, ...]]
"""What gives the results, once the transaction has ended."""


def _in_transaction(connection: Connection, query: _SentQuery, *, read_only: bool) -> _Read | None:
    """Run the text between fsapi_nb's BEGIN and COMMIT; None if it must run outside a transaction, and may."""
    if read_only:
        _refuse_control(query)
    try:
        begin = _BEGIN_READ_ONLY if read_only else _BEGIN
        read: _Read | None = None
        if plain := None if query.bound else plain_query(query.text):
            read = _copied(connection, query, plain, _begin_and_describe(connection, begin, query))
        else:
            _begin(connection, begin)
        if read is None:
            results = _sent(connection, query, read_only=read_only)
            if results is None:
                return None
            _check_transaction(connection, results)
            read = partial(read_results, connection, results)
        _commit(connection)
        return read
    finally:
        _roll_back(connection)


def _begin(connection: Connection, begin: Sequence[bytes]) -> None:
    begun = send(connection, b"; ".join(begin))
    if begun.error:
        raise _failure(connection, _UNPLACED, begun, rolled_back=UNCHANGED, lost=UNCHANGED)


def _begin_and_describe(connection: Connection, begin: Sequence[bytes], query: _SentQuery) -> PGresult:
    """Begin, and ask what columns the query has, without an additional round trip."""
    begun = describe(connection, begin, query.message)
    if begun.error is None:
        return begun.results[-1]
    if len(begun.results) < len(begin):
        raise _failure(connection, _UNPLACED, begun, rolled_back=UNCHANGED, lost=UNCHANGED)
    raise _failure(connection, query, begun, lost=_LOST_BEFORE_COMMIT)


def _copied(connection: Connection, query: _SentQuery, plain: str, described: PGresult) -> _Read | None:
    """Run a plain query as a copy; None, and nothing is run, if a column of it must be read as text."""
    try:
        announced = announced_columns(connection, described)
    except psycopg.Error as error:
        failed = _failure(connection, _UNPLACED, Reply([], error), lost=_LOST_BEFORE_COMMIT)
        raise failed from failed.__cause__
    if announced is None:
        return None
    copied = copy_rows(connection, message_of(connection, plain), announced)
    if copied.result is None:
        sent = replace(query, before=len(OPENING))
        raise _failure(connection, sent, copied.reply, lost=_LOST_BEFORE_COMMIT)
    result = copied.result
    return lambda: (result,)


def _sent(connection: Connection, query: _SentQuery, *, read_only: bool) -> list[PGresult] | None:
    """Return the results of the text as it is; None if it must run outside a transaction, and may."""
    reply = send(connection, query.message, query.bound, part=_PART)
    _refuse_copy(connection, reply)
    if reply.error is None:
        return reply.results
    if not read_only and reply.error.sqlstate == "25001" and _single_statement(query.text):
        return None
    raise _failure(connection, query, reply, lost=_LOST_BEFORE_COMMIT)


def _refuse_control(query: _SentQuery) -> None:
    """Refuse a text that ends the transaction if it may only read: it could go on in one that may write."""
    from fsapi_nb.script.classify import node_of
    from fsapi_nb.script.parser import parse
    from fsapi_nb.script.tokens import SqlSyntaxError

    text = query.text.encode()
    try:
        names = [node_of(raw.tree)[0] for raw in parse(text)]
    except SqlSyntaxError:
        return  # PostgreSQL says what is wrong with it
    if "transaction_stmt" in names:
        message = "this text begins or ends a transaction, and here a query may only read"
        raise QueryFailed(ServerMessage("25006", message), place=None, state=UNCHANGED)


def _outside_transaction(connection: Connection, query: _SentQuery) -> _Read:
    try:
        reply = send(connection, query.message, query.bound, part=_PART)
        if reply.error:
            raise _failure(connection, query, reply, rolled_back=_FAILED_OUTSIDE, lost=_LOST_OUTSIDE)
        return partial(read_results, connection, reply.results)
    finally:
        _roll_back(connection)


def _single_statement(sql: str) -> bool:
    """Say whether the text is exactly one statement; False too if the parser does not know the syntax."""
    # The parser is large, and rarely needed here.
    from fsapi_nb.script.parser import parse
    from fsapi_nb.script.tokens import SqlSyntaxError

    text = sql.encode()
    try:
        return len(parse(text)) == 1
    except SqlSyntaxError:
        return False


def _commit(connection: Connection) -> None:
    reply = send(connection, b"COMMIT")
    if reply.error:
        raise _failure(connection, _UNPLACED, reply, lost=_LOST_IN_COMMIT)
    if _tags(reply.results) != ["COMMIT"]:
        raise TransactionEnded(
            "PostgreSQL answered COMMIT with ROLLBACK: the transaction had failed.", state=_ROLLED_BACK
        )


def _roll_back(connection: Connection) -> None:
    """Roll back, or close the connection if that fails; does nothing after COMMIT."""
    if connection.pgconn.transaction_status in _IN_BLOCK:
        send(connection, b"ROLLBACK")
    if connection.pgconn.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
        connection.close()


# ------------------------------------------------------------------------------------- what can have gone wrong


def _tags(results: Iterable[PGresult]) -> list[str]:
    return [(result.command_status or b"").decode() for result in results]


def _check_transaction(connection: Connection, results: list[PGresult]) -> None:
    """Raise TransactionEnded unless the transaction that `run_query` began is still open."""
    tags = _tags(results)
    status = connection.pgconn.transaction_status
    ours = status == TransactionStatus.INTRANS and "COMMIT" not in tags
    if ours and "ROLLBACK" in tags:
        ours = _is_marked(connection)
    if not ours:
        raise TransactionEnded(
            "The text ended the transaction that query had begun for it.",
            state=_state_after_ending(tags, "is committed" if status == TransactionStatus.IDLE else "was rolled back"),
            hint="Leave out BEGIN, COMMIT and ROLLBACK: query commits all of the text, or nothing.",
        )


def _is_marked(connection: Connection) -> bool:
    shown = send(connection, b"SHOW fsapi_nb.query")
    return shown.error is None and shown.results[0].get_value(0, 0) == b"ours"


def _state_after_ending(tags: Sequence[str], rest: str) -> str:
    if "PREPARE TRANSACTION" in tags:
        return "a prepared transaction may be waiting; it keeps its locks until COMMIT PREPARED or ROLLBACK PREPARED."
    return (
        "what stands before each COMMIT and ROLLBACK of the text ended as that says; "
        f"what stands after the last of them {rest}."
    )


def _failure(
    connection: Connection, query: _SentQuery, reply: Reply, *, lost: str, rolled_back: str = _ROLLED_BACK
) -> QueryFailed:
    from fsapi_nb.script.redact import holds_secret

    assert reply.error is not None
    diag, tags = reply.error.diag, _tags(reply.results)
    if connection.pgconn.status == ConnStatus.BAD:
        state = lost
    elif "COMMIT" in tags or "PREPARE TRANSACTION" in tags:
        state = _state_after_ending(tags, "was rolled back")
    else:
        state = rolled_back
    server = server_message(reply.error)
    said = (diag.message_primary, diag.message_detail, diag.message_hint, diag.context)
    shown = (server.message, server.detail, server.hint, server.context)
    starred = any(text and text != each for text, each in zip(said, shown, strict=True))
    place = _place_of_error(connection, query, reply.error)
    if place is None and (found := lacking(diag.message_primary or "")):
        server, place = _place_of_character(query, server, found[0])
    failed = QueryFailed(server, place=place, state=state)
    # psycopg's own error quotes the line of the SQL and the values, and a traceback prints the cause of an error, too.
    failed.__cause__ = None if starred or holds_secret(query.text) else reply.error
    return failed


def _place_of_error(connection: Connection, query: _SentQuery, error: psycopg.Error) -> SourceLocation | None:
    """Return where the server's position, counted in characters from one, is in the text."""
    if not error.diag.statement_position or not query.text:
        return None
    offset = int(error.diag.statement_position) - 1 - query.before
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":  # such a server counts bytes
        offset = len(query.message[:offset].decode(errors="replace"))
    return place_in(query.text, offset) if 0 <= offset <= len(query.text) else None


def _place_of_character(
    query: _SentQuery, server: ServerMessage, character: str
) -> tuple[ServerMessage, SourceLocation | None]:
    """Return where a character stands that cannot be converted: in the text, or in a parameter, which the message names then."""
    number = re.search(r"\$(\d+)", server.context or "")
    if query.bound and number and (value := query.bound.values[int(number[1]) - 1]) is not None:
        before, found, _ = value.decode(errors="replace").partition(character)
        line = f", line {before.count(chr(10)) + 1}" if found else ""
        return replace(server, message=f"${number[1]}{line}: {server.message}", context=None), None
    offset = query.text.find(character)
    return server, place_in(query.text, offset) if offset >= 0 else None


def place_in(sql: str, offset: int) -> SourceLocation:
    """Return the place of a character of the text, with its line; a line with a password is starred, and has no column."""
    from fsapi_nb.script.redact import redact_sql

    start = sql.rfind("\n", 0, offset) + 1
    line = sql.count("\n", 0, offset) + 1
    source = sql[start:].split("\n", 1)[0].rstrip("\r")
    shown = redact_sql(sql).split("\n")[line - 1].rstrip("\r")
    return SourceLocation("query", line, offset - start + 1 if shown == source else None, shown)


def _refuse_copy(connection: Connection, reply: Reply) -> None:
    """End a copy that the text began, so that the connection can be used, and refuse it."""
    results = reply.results
    if not results or results[-1].status not in COPYING:
        return
    try:
        while results and results[-1].status in COPYING:
            _end_copy(connection, results.pop().status)
            connection.wait(collect(connection.pgconn, results))
    except psycopg.OperationalError:
        connection.close()  # the server rolls back
    server = ServerMessage(
        "0A000",
        "COPY FROM STDIN and COPY TO STDOUT do not work in query, which sends no data and shows rows.",
        hint="Write INSERT ... VALUES, SELECT, or COPY with a file of the server.",
    )
    tags, cut_short = _tags(results), any(result.status in FAILED for result in results)
    state = _state_after_ending(tags, "was rolled back" if cut_short else "is committed")
    raise QueryFailed(server, place=None, state=state if "COMMIT" in tags else _ROLLED_BACK)


def _end_copy(connection: Connection, status: int) -> None:
    if status == ExecStatus.COPY_IN:
        connection.pgconn.put_copy_end(b"query sends no data")
        return
    connection.cancel_safe(timeout=5.0)
    while connection.pgconn.get_copy_data(0)[0] > 0:
        pass  # what the server had sent before it was cancelled
