"""Cut the statements of a script into what commits together, with the reason for each cut.

A script is one transaction if PostgreSQL allows it. Several BEGIN/COMMIT pairs, statements that are refused in a
transaction block, and new enum values before their first use make steps of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from fsapi_nb.model.migration import EnumValue, Migration, Procedure, Script, Statement, Traits, TransactionRule
from fsapi_nb.model.place import Problem
from fsapi_nb.model.plan import Mode
from fsapi_nb.plan.placement import StatementFault, lonely, out_of_place, problems_of, refusal_of
from fsapi_nb.script.procedures import committing, unread_body
from fsapi_nb.text.sql import quote_literal

ONE_TRANSACTION = "one transaction, together with its history row"
ABSORBED = "one transaction, together with its history row; the file's own BEGIN and COMMIT are absorbed"
OWN_PAIR = "the file's own BEGIN and COMMIT"
BETWEEN = "the statements between two steps, together"
TRANSACTION_OFF = "the file says transaction=off"
# With transaction=off, statements that may commit by themselves, or be refused for reasons that only the catalog knows,
# are sent outside of a transaction. The others commit alone, too, but together with their journal row, so they are
# never in doubt.
_MAY_END_OR_REFUSE_ONE = frozenset(
    {"CALL", "DO", "REINDEX", "CLUSTER", "CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION", "DROP SUBSCRIPTION"}
)
# Commands that make, name or drop something, and neither read rows nor call a function.
_RUNS_NOTHING = frozenset(
    f"{verb} {thing}"
    for verb in ("CREATE", "ALTER", "DROP")
    for thing in (
        "FUNCTION",
        "PROCEDURE",
        "TRIGGER",
        "VIEW",
        "TYPE",
        "SCHEMA",
        "SEQUENCE",
        "POLICY",
        "RULE",
        "AGGREGATE",
    )
) | {"CREATE TABLE", "DROP TABLE", "DROP INDEX", "COMMENT", "GRANT", "REVOKE", "SET", "RESET"}
CHECKED = "its checks, together with its history row"
UNPARSED = "one transaction; the parser does not know this text, so nothing is known of its statements"


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """A step of one script, before it belongs to a migration and has a place in a plan."""

    mode: Mode
    reason: str
    statements: tuple[Statement, ...]
    begin: str = "BEGIN"


@dataclass(slots=True)
class _Group:
    """Consecutive statements of one BEGIN/COMMIT pair (`own`), or outside of any pair.

    `begin` is how the transaction begins; `opened` is the statement that opened it, which may be COMMIT AND CHAIN. A
    `chained` group follows a COMMIT AND CHAIN outside of any pair, in the transaction that each migration has.
    """

    begin: Statement | None = None
    opened: Statement | None = None
    chained: bool = False
    statements: list[Statement] = field(default_factory=list)

    @property
    def own(self) -> bool:
        return self.opened is not None


def cut(
    migration: Migration,
    script: Script,
    *,
    allow_unparsed: bool = False,
    procedures: Callable[[], Iterable[Procedure]] = tuple,
) -> tuple[tuple[ScriptStep, ...], list[Problem]]:
    """Return the steps of a script in order, and every problem that keeps it from being run.

    A script without statements still has one step: the one that records it.

    Args:
        migration: The migration, for the places of problems.
        script: Its UP or its DOWN.
        allow_unparsed: Whether a script that the parser does not know is one step, and not a problem.
        procedures: Returns the procedures that the database has, or will have before the script runs. It is called only
            if the script calls one.
    """
    if script.parsed.unparsed and allow_unparsed and len(script.parsed.problems) == 1:
        return _whole(script)
    if script.parsed.problems:
        return (), list(script.parsed.problems)
    off = script.parsed.options.get("transaction") == "off"
    statements = _with_procedures(script.parsed.statements, procedures)
    runs, faults = _runs(statements)
    if off:
        faults += lonely(statement for run in runs if not run.own for statement in run.statements)
    if faults:
        return (), problems_of(migration, faults)
    runs = [run for run in runs if run.statements]
    pieces = _pieces(runs, off=off) if off or _must_be_cut(runs) else [_one_transaction(statements, runs)]
    pieces = [part for piece in pieces for part in _split_enums(piece)]
    if script.parsed.checks and pieces[-1].mode is Mode.AUTOCOMMIT:
        pieces.append(ScriptStep(Mode.TRANSACTION, CHECKED, ()))
    return tuple(pieces), []


def _whole(script: Script) -> tuple[tuple[ScriptStep, ...], list[Problem]]:
    """Return a script that the parser refused as one step; inline COPY data cannot be sent that way."""
    from fsapi_nb.script.lexer import lex

    if lex([script.written.text.encode()]).copies:
        (problem,) = script.parsed.problems
        hint = (
            "a script with inline COPY data can only run when it is parsed: put the COPY into a migration of its own."
        )
        return (), [replace(problem, hint=hint)]
    whole = Statement(script.written.text, script.first_line, script.first_line, Traits("SQL"))
    return (ScriptStep(Mode.TRANSACTION, UNPARSED, (whole,)),), []


def _with_procedures(
    statements: tuple[Statement, ...], procedures: Callable[[], Iterable[Procedure]]
) -> tuple[Statement, ...]:
    """Return the statements, with blocks and calls that end a transaction marked as refused in one."""
    found = [procedure for each in statements if (procedure := each.traits.procedure)]
    runnable = [each for each in found if each.name is None]
    if not any(each.ends or each.calls for each in runnable):
        return statements
    others = procedures() if any(each.calls for each in runnable) else ()
    names = committing([*found, *others])
    return tuple(_outside_of_any(each) if _ends(each.traits.procedure, names) else each for each in statements)


def _ends(procedure: Procedure | None, names: Collection[str]) -> bool:
    """Return whether its statement runs it, and it ends a transaction."""
    return (
        procedure is not None and procedure.name is None and (procedure.ends or not procedure.calls.isdisjoint(names))
    )


def _outside_of_any(statement: Statement) -> Statement:
    return statement._replace(traits=replace(statement.traits, rule=TransactionRule.REFUSED))


def _runs(statements: Iterable[Statement]) -> tuple[list[_Group], list[StatementFault]]:
    """Group the statements by BEGIN/COMMIT pairs, and find the pairs that do not match."""
    runs = [_Group()]
    faults: list[StatementFault] = []
    for statement in statements:
        run = runs[-1]
        fault = out_of_place(statement, inside=run.own)
        if fault:
            faults.append(fault)
            continue
        match statement.traits.rule:
            case TransactionRule.BEGIN:
                runs.append(_Group(statement, statement))
            case TransactionRule.CHAIN:
                runs.append(_Group(run.begin, statement) if run.own else _Group(chained=True))
            case TransactionRule.COMMIT:
                runs.append(_Group())
            case _:
                run.statements.append(statement)
    opened = runs[-1].opened
    if opened:
        hint = "add the COMMIT, or remove this: a migration is a transaction anyway."
        faults.append(StatementFault(opened, f"{opened.traits.kind} without a COMMIT after it", hint))
    return runs, faults


def _must_be_cut(runs: Sequence[_Group]) -> bool:
    """Return whether PostgreSQL, several pairs or COMMIT AND CHAIN require more than one step."""
    pairs = sum(run.own for run in runs)
    chained = any(run.chained for run in runs)
    refused = any(statement.traits.rule is TransactionRule.REFUSED for run in runs for statement in run.statements)
    return pairs > 1 or chained or refused


def _one_transaction(written: Sequence[Statement], runs: Sequence[_Group]) -> ScriptStep:
    """Return everything as one step, the file's own pair included, with the BEGIN that the file has."""
    begin = next((run.begin for run in runs if run.own), None)
    has_pair = any(statement.traits.rule is TransactionRule.BEGIN for statement in written)
    statements = tuple(statement for run in runs for statement in run.statements)
    return ScriptStep(Mode.TRANSACTION, ABSORBED if has_pair else ONE_TRANSACTION, statements, _begin(begin))


def _pieces(runs: Sequence[_Group], *, off: bool) -> list[ScriptStep]:
    pieces: list[ScriptStep] = []
    for run in runs:
        if run.own:
            pieces.append(ScriptStep(Mode.TRANSACTION, OWN_PAIR, tuple(run.statements), _begin(run.begin)))
        else:
            pieces += _outside(run.statements, off=off)
    # With transaction=off and no statement at all, the step that records it is left.
    return pieces or [ScriptStep(Mode.TRANSACTION, ONE_TRANSACTION, ())]


def _outside(statements: Iterable[Statement], *, off: bool) -> list[ScriptStep]:
    """Return the steps of statements outside of any pair.

    Some must be alone; those between two of them are one step.
    """
    pieces: list[ScriptStep] = []
    together: list[Statement] = []
    for statement in statements:
        if not off and statement.traits.rule is not TransactionRule.REFUSED:
            together.append(statement)
            continue
        if together:
            pieces.append(ScriptStep(Mode.TRANSACTION, BETWEEN, tuple(together)))
            together = []
        refused = statement.traits.rule is TransactionRule.REFUSED and not (off and statement.traits.procedure)
        reason = f"{refusal_of(statement)} in a transaction" if refused else TRANSACTION_OFF
        mode = Mode.AUTOCOMMIT if refused or statement.traits.kind in _MAY_END_OR_REFUSE_ONE else Mode.TRANSACTION
        pieces.append(ScriptStep(mode, reason, (statement,)))
    if together:
        pieces.append(ScriptStep(Mode.TRANSACTION, BETWEEN, tuple(together)))
    return pieces


def _begin(statement: Statement | None) -> str:
    """Return the file's own BEGIN if it has options, else a plain one."""
    return statement.text if statement and statement.traits.begin_options else "BEGIN"


def _split_enums(piece: ScriptStep) -> tuple[ScriptStep, ...]:
    """Return the piece, cut before the first use of each enum value that it adds.

    PostgreSQL refuses such a use with 55P04 otherwise.

    A function whose body has the value uses it when it is called: by the next statement that may run anything.
    """
    if piece.mode is not Mode.TRANSACTION or not any(
        statement.traits.adds_enum_value for statement in piece.statements
    ):
        return (piece,)
    pieces: list[ScriptStep] = []
    current: list[Statement] = []
    added: list[EnumValue] = []
    waiting: EnumValue | None = None
    reason = piece.reason
    for statement in piece.statements:
        used = next((new for new in added if _uses(statement, new.value)), None)
        if used and _uses_when_called(statement, added):
            used, waiting = None, used
        elif waiting and statement.traits.kind not in _RUNS_NOTHING:
            used = waiting
        if used:
            pieces.append(replace(piece, reason=reason, statements=tuple(current)))
            current, added, waiting = [], [], None
            reason = f"the new enum value {used.value!r} must be committed before it is used"
        current.append(statement)
        # Also if the script has made the type itself: up to PostgreSQL 16 that makes no difference.
        if statement.traits.adds_enum_value:
            added.append(statement.traits.adds_enum_value)
    pieces.append(replace(piece, reason=reason, statements=tuple(current)))
    if len(pieces) > 1:
        pieces[0] = replace(pieces[0], reason=BETWEEN)
    return tuple(pieces)


def _uses_when_called(statement: Statement, added: Iterable[EnumValue]) -> bool:
    """Return whether it makes a function with the values only in its body, not in a default."""
    if statement.traits.kind not in {"CREATE FUNCTION", "CREATE PROCEDURE"}:
        return False
    body = unread_body(statement.text)
    rest = statement._replace(strings=tuple(string for string in statement.strings if string != body))
    return body is not None and not any(_uses(rest, new.value) for new in added)


def _uses(statement: Statement, value: str) -> bool:
    """Return whether a statement may use the value.

    That is as a string, quoted inside a body or string, or in the text of an array.

    The text of a string does not show its type; a cut too many is harmless. To add another value AFTER this one does
    not use it.
    """
    if statement.traits.adds_enum_value:
        return False
    quoted = quote_literal(value)
    in_array = re.compile(rf'[{{,]\s*"?{re.escape(value)}"?\s*[,}}]')
    return any(
        string == value or quoted in string or ("{" in string and in_array.search(string))
        for string in statement.strings
    )
