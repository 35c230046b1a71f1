"""A script's statements cut into what commits together, with the reason for each cut.

One transaction where PostgreSQL allows it. Several BEGIN/COMMIT pairs, statements that are refused in a
transaction block, and new enum values before their first use make steps of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from fsapi_nb.model.migration import EnumValue, Migration, Procedure, Script, Statement, Traits, TransactionRule
from fsapi_nb.model.place import Problem
from fsapi_nb.model.plan import Mode
from fsapi_nb.script.procedures import committing, unread_body
from fsapi_nb.text.sql import quote_literal

ONE_TRANSACTION = "one transaction, together with its history row"
ABSORBED = "one transaction, together with its history row; the file's own BEGIN and COMMIT are absorbed"
OWN_PAIR = "the file's own BEGIN and COMMIT"
BETWEEN = "the statements between two steps, together"
TRANSACTION_OFF = "the file says transaction=off"
# With transaction=off, what may commit by itself, or be refused for reasons that only the catalog knows, is sent bare.
# The rest commits alone, too, but together with its journal row: so nothing of it can be in doubt.
_MAY_END_OR_REFUSE_ONE = frozenset(
    {"CALL", "DO", "REINDEX", "CLUSTER", "CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION", "DROP SUBSCRIPTION"}
)
_IN_A_BLOCK_ONLY = frozenset({"LOCK", "SAVEPOINT", "RELEASE", "ROLLBACK TO"})
# What makes, names or drops something, without looking at rows or calling a function.
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
    """A step of one script, not yet tied to a migration and a place in a plan."""

    mode: Mode
    reason: str
    statements: tuple[Statement, ...]
    begin: str = "BEGIN"


@dataclass(slots=True)
class _Group:
    """Statements in a row that commit together by the file's own word (`own`), or that are outside of any pair.

    `begin` says how the transaction begins; `opened` is the statement that did so, COMMIT AND CHAIN included.
    `chained` runs follow a COMMIT AND CHAIN outside of any pair, in the transaction that each migration has.
    """

    begin: Statement | None = None
    opened: Statement | None = None
    chained: bool = False
    statements: list[Statement] = field(default_factory=list)

    @property
    def own(self) -> bool:
        return self.opened is not None


@dataclass(frozen=True, slots=True)
class _StatementFault:
    """What keeps a statement from being run where it stands."""

    statement: Statement
    message: str
    hint: str


def cut(
    migration: Migration,
    script: Script,
    *,
    allow_unparsed: bool = False,
    procedures: Callable[[], Iterable[Procedure]] = tuple,
) -> tuple[tuple[ScriptStep, ...], list[Problem]]:
    """The steps of a script in order, and everything that keeps it from being run.

    A script without statements still has one step: the one that records it. `procedures` gives those that the database
    has, or will have before the script runs; it is only asked if the script calls one.
    """
    if script.parsed.unparsed and allow_unparsed and len(script.parsed.problems) == 1:
        return _whole(script)
    if script.parsed.problems:
        return (), list(script.parsed.problems)
    off = script.parsed.options.get("transaction") == "off"
    statements = _with_procedures(script.parsed.statements, procedures)
    runs, faults = _runs(statements)
    if off:
        faults += _lonely(runs)
    if faults:
        return (), _problems(migration, faults)
    runs = [run for run in runs if run.statements]
    pieces = _pieces(runs, off=off) if off or _must_be_cut(runs) else [_one_transaction(statements, runs)]
    pieces = [part for piece in pieces for part in _split_enums(piece)]
    if script.parsed.checks and pieces[-1].mode is Mode.AUTOCOMMIT:
        pieces.append(ScriptStep(Mode.TRANSACTION, CHECKED, ()))
    return tuple(pieces), []


def _whole(script: Script) -> tuple[tuple[ScriptStep, ...], list[Problem]]:
    """A script that the parser refused, as one piece; inline COPY data cannot be sent that way."""
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
    """The statements, with a rule of their own for the blocks and calls that end a transaction by themselves."""
    found = [procedure for each in statements if (procedure := each.traits.procedure)]
    runnable = [each for each in found if each.name is None]
    if not any(each.ends or each.calls for each in runnable):
        return statements
    others = procedures() if any(each.calls for each in runnable) else ()
    names = committing([*found, *others])
    return tuple(_outside_of_any(each) if _ends(each.traits.procedure, names) else each for each in statements)


def _ends(procedure: Procedure | None, names: Collection[str]) -> bool:
    """Whether it is run by its statement, and ends a transaction."""
    return (
        procedure is not None and procedure.name is None and (procedure.ends or not procedure.calls.isdisjoint(names))
    )


def _outside_of_any(statement: Statement) -> Statement:
    return statement._replace(traits=replace(statement.traits, rule=TransactionRule.REFUSED))


def _runs(statements: Iterable[Statement]) -> tuple[list[_Group], list[_StatementFault]]:
    """The statements by BEGIN/COMMIT pairs, and the pairs that do not match."""
    runs = [_Group()]
    faults: list[_StatementFault] = []
    for statement in statements:
        run = runs[-1]
        fault = _out_of_place(statement, inside=run.own)
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
        faults.append(_StatementFault(opened, f"{opened.traits.kind} without a COMMIT after it", hint))
    return runs, faults


def _out_of_place(statement: Statement, *, inside: bool) -> _StatementFault | None:
    """What is wrong with a statement inside a BEGIN/COMMIT pair, or outside of any."""
    match statement.traits.rule:
        case TransactionRule.BEGIN if inside:
            hint = "remove it, or COMMIT before it."
            return _StatementFault(
                statement, f"{statement.traits.kind} inside a transaction that is already open", hint
            )
        case TransactionRule.REFUSED if inside:
            hint = "move it out of the BEGIN and COMMIT around it."
            return _StatementFault(statement, f"{_refused(statement)} in a transaction block", hint)
        case TransactionRule.COMMIT if not inside:
            return _StatementFault(
                statement, "COMMIT without a BEGIN", "remove it: each migration is a transaction anyway."
            )
    return None


def _lonely(runs: Iterable[_Group]) -> Iterable[_StatementFault]:
    """What means nothing in a statement that commits alone, as transaction=off makes all outside of a pair."""
    hint = "put BEGIN; and COMMIT; around it and what belongs to it."
    return (
        _StatementFault(
            statement, f"{statement.traits.kind} needs a transaction, and the file says transaction=off", hint
        )
        for run in runs
        for statement in run.statements
        if not run.own and statement.traits.kind in _IN_A_BLOCK_ONLY
    )


def _problems(migration: Migration, faults: Iterable[_StatementFault]) -> list[Problem]:
    """The faults with their places: the statement's first line."""
    from fsapi_nb.script.excerpt import shown_lines, statement_place

    lines = shown_lines(migration)
    ordered = sorted(faults, key=lambda fault: fault.statement.line)
    return [
        Problem(fault.message, statement_place(migration.name, fault.statement, lines), fault.hint) for fault in ordered
    ]


def _must_be_cut(runs: Sequence[_Group]) -> bool:
    """Whether PostgreSQL, or the file with several pairs or COMMIT AND CHAIN, wants more than one step."""
    pairs = sum(run.own for run in runs)
    chained = any(run.chained for run in runs)
    refused = any(statement.traits.rule is TransactionRule.REFUSED for run in runs for statement in run.statements)
    return pairs > 1 or chained or refused


def _one_transaction(written: Sequence[Statement], runs: Sequence[_Group]) -> ScriptStep:
    """Everything together, the file's own pair included, with the BEGIN that the file has."""
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
    """Statements outside of any pair: those that must be alone, and what is between two of them together."""
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
        reason = f"{_refused(statement)} in a transaction" if refused else TRANSACTION_OFF
        mode = Mode.AUTOCOMMIT if refused or statement.traits.kind in _MAY_END_OR_REFUSE_ONE else Mode.TRANSACTION
        pieces.append(ScriptStep(mode, reason, (statement,)))
    if together:
        pieces.append(ScriptStep(Mode.TRANSACTION, BETWEEN, tuple(together)))
    return pieces


def _refused(statement: Statement) -> str:
    if statement.traits.procedure:
        return f"{statement.traits.kind} commits or rolls back by itself, which PostgreSQL refuses"
    return f"PostgreSQL refuses {statement.traits.kind}"


def _begin(statement: Statement | None) -> str:
    """The file's own BEGIN where it asks for something, ours where not."""
    return statement.text if statement and statement.traits.begin_options else "BEGIN"


def _split_enums(piece: ScriptStep) -> tuple[ScriptStep, ...]:
    """The piece, cut before the first use of each enum value that it adds (PostgreSQL: 55P04 otherwise).

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
        # Also where the script has made the type itself: up to PostgreSQL 16 that makes no difference.
        if statement.traits.adds_enum_value:
            added.append(statement.traits.adds_enum_value)
    pieces.append(replace(piece, reason=reason, statements=tuple(current)))
    if len(pieces) > 1:
        pieces[0] = replace(pieces[0], reason=BETWEEN)
    return tuple(pieces)


def _uses_when_called(statement: Statement, added: Iterable[EnumValue]) -> bool:
    """Whether it makes a function that has the values in its body only: not in a default of a parameter, say."""
    if statement.traits.kind not in {"CREATE FUNCTION", "CREATE PROCEDURE"}:
        return False
    body = unread_body(statement.text)
    rest = statement._replace(strings=tuple(string for string in statement.strings if string != body))
    return body is not None and not any(_uses(rest, new.value) for new in added)


def _uses(statement: Statement, value: str) -> bool:
    """Whether a statement may use the value: as a string, quoted inside a body or string, or in an array's text.

    Which type a string is of, its text does not tell; a cut too many is harmless. To add another value AFTER
    this one is no use of it.
    """
    if statement.traits.adds_enum_value:
        return False
    quoted = quote_literal(value)
    in_array = re.compile(rf'[{{,]\s*"?{re.escape(value)}"?\s*[,}}]')
    return any(
        string == value or quoted in string or ("{" in string and in_array.search(string))
        for string in statement.strings
    )
