"""A script's statements cut into what commits together, with the reason for each cut.

One transaction where PostgreSQL allows it. Several BEGIN/COMMIT pairs, statements that are refused in a
transaction block, and new enum values before their first use make steps of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fsapi_nb.errors import Place, Problem
from fsapi_nb.model import EnumValue, Migration, Mode, Script, Statement, TransactionRule

ONE_TRANSACTION = "one transaction, together with its history row"
ABSORBED = "one transaction, together with its history row; the file's own BEGIN and COMMIT are absorbed"
OWN_PAIR = "the file's own BEGIN and COMMIT"
BETWEEN = "the statements between two steps, together"
TRANSACTION_OFF = "the file says transaction=off"
UNPARSED = "one transaction; the parser does not know this text, so nothing is known of its statements"


@dataclass(frozen=True, slots=True)
class Piece:
    """A step of one script, not yet tied to a migration and a place in a plan."""

    mode: Mode
    reason: str
    statements: tuple[Statement, ...]
    begin: str = "BEGIN"


@dataclass(slots=True)
class _Run:
    """Statements in a row that commit together by the file's own word (`own`), or that are outside of any pair."""

    begin: Statement | None = None
    own: bool = False
    statements: list[Statement] = field(default_factory=list)


def cut(
    migration: Migration, script: Script, *, allow_unparsed: bool = False
) -> tuple[tuple[Piece, ...], list[Problem]]:
    """The steps of a script in order, and everything that keeps it from being run.

    A script without statements still has one step: the one that records it.
    """
    if script.unparsed and allow_unparsed and not _besides_syntax(script):
        whole = Statement(script.text, script.first_line, script.first_line, "SQL")
        return (Piece(Mode.TRANSACTION, UNPARSED, (whole,)),), []
    if script.problems:
        return (), list(script.problems)
    runs, problems = _runs(migration, script)
    if problems:
        return (), problems
    off = script.options.get("transaction") == "off"
    pairs = [run for run in runs if run.own]
    if not script.statements or (len(pairs) <= 1 and not off):
        begin = pairs[0].begin if pairs else None
        runs = [_Run(begin, statements=[statement for run in runs for statement in run.statements])]
        if not any(statement.rule is TransactionRule.REFUSED for statement in runs[0].statements):
            whole_reason = ABSORBED if pairs else ONE_TRANSACTION
            return _split_enums(Piece(Mode.TRANSACTION, whole_reason, tuple(runs[0].statements), _begin(begin))), []
        runs[0] = _Run(statements=runs[0].statements)
    pieces = [piece for run in runs for piece in _pieces(run, off=off)]
    return tuple(part for piece in pieces for part in _split_enums(piece)), []


def _besides_syntax(script: Script) -> bool:
    """Whether more is wrong with an unparsed script than that it does not parse."""
    return len(script.problems) > 1


def _runs(migration: Migration, script: Script) -> tuple[list[_Run], list[Problem]]:
    """The statements by BEGIN/COMMIT pairs, and the pairs that do not match."""
    runs = [_Run()]
    problems: list[Problem] = []

    def fault(statement: Statement, message: str, hint: str) -> None:
        problems.append(Problem(message, place_of(migration, statement), hint))

    for statement in script.statements:
        inside = runs[-1].own
        match statement.rule:
            case TransactionRule.BEGIN if inside:
                fault(statement, "BEGIN inside a transaction that is already open", "remove it, or COMMIT before it.")
            case TransactionRule.BEGIN:
                runs.append(_Run(statement, own=True))
            case TransactionRule.CHAIN:
                runs[-1].own = True
                runs.append(_Run(runs[-1].begin, own=True))
            case TransactionRule.COMMIT if not inside:
                fault(statement, "COMMIT without a BEGIN", "remove it: each migration is a transaction anyway.")
            case TransactionRule.COMMIT:
                runs.append(_Run())
            case TransactionRule.REFUSED if inside:
                hint = "move it out of the BEGIN and COMMIT around it."
                fault(statement, f"PostgreSQL refuses {statement.kind} in a transaction block", hint)
            case _:
                runs[-1].statements.append(statement)
    begin = runs[-1].begin
    if begin:
        fault(
            begin, "BEGIN without a COMMIT", "add the COMMIT, or remove the BEGIN: a migration is a transaction anyway."
        )
    return [run for run in runs if run.own or run.statements], problems


def _pieces(run: _Run, *, off: bool) -> list[Piece]:
    if run.own:
        return [Piece(Mode.TRANSACTION, OWN_PAIR, tuple(run.statements), _begin(run.begin))]
    pieces: list[Piece] = []
    together: list[Statement] = []
    for statement in [*run.statements, None]:
        alone = statement is None or off or statement.rule is TransactionRule.REFUSED
        if not alone and statement:
            together.append(statement)
            continue
        if together:
            pieces.append(Piece(Mode.TRANSACTION, BETWEEN, tuple(together)))
            together = []
        if statement:
            reason = TRANSACTION_OFF if off else f"PostgreSQL refuses {statement.kind} in a transaction"
            pieces.append(Piece(Mode.AUTOCOMMIT, reason, (statement,)))
    return pieces


def _begin(statement: Statement | None) -> str:
    """The file's own BEGIN where it asks for something, ours where not."""
    return statement.text if statement and statement.begin_options else "BEGIN"


def _split_enums(piece: Piece) -> tuple[Piece, ...]:
    """The piece, cut before the first use of each enum value that it adds (PostgreSQL: 55P04 otherwise)."""
    if piece.mode is not Mode.TRANSACTION or not any(statement.adds_enum_value for statement in piece.statements):
        return (piece,)
    pieces: list[Piece] = []
    current: list[Statement] = []
    added: list[EnumValue] = []
    created: set[str | None] = set()
    reason = piece.reason
    for statement in piece.statements:
        used = next((new for new in added if _uses(statement, new.value)), None)
        if used:
            pieces.append(Piece(piece.mode, reason, tuple(current), piece.begin))
            current, added, created = [], [], set()
            reason = f"the new enum value {used.value!r} must be committed before it is used"
        current.append(statement)
        created.add(statement.creates_type)
        new_value = statement.adds_enum_value
        if new_value and new_value.type_name not in created:
            added.append(new_value)
    pieces.append(Piece(piece.mode, reason, tuple(current), piece.begin))
    if len(pieces) > 1:
        pieces[0] = Piece(piece.mode, BETWEEN, pieces[0].statements, piece.begin)
    return tuple(pieces)


def _uses(statement: Statement, value: str) -> bool:
    """Whether a statement names the value: as a string, or quoted inside a body or a longer string."""
    if statement.adds_enum_value and statement.adds_enum_value.value == value:
        return False
    quoted = "'" + value.replace("'", "''") + "'"
    return any(
        string.removeprefix("E").removeprefix("e") == quoted or quoted in string[1:-1].replace("''", "'")
        for string in statement.strings
    )


def place_of(migration: Migration, statement: Statement) -> Place:
    """Where a statement begins, with its line."""
    lines = migration.source.split("\n")
    source = lines[statement.line - 1].rstrip("\r") if statement.line <= len(lines) else None
    return Place(migration.name, statement.line, None, source)
