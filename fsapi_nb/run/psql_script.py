r"""Write a plan as one script for psql: what a run of it sends, in the same order, with the rows of the history.

The statements are those of the files, byte for byte; each step commits as the runner commits it (`transaction`,
`alone`). What a runner finds out as it goes is in the script as SQL that fails (`history.script_guard`). A script does
not try again what a lock stops. Sends nothing; the data of a COPY is read when the script is written out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fsapi_nb.errors import UNCHANGED, RefusedPlan
from fsapi_nb.history import script_guard
from fsapi_nb.history.record import Recorder, done_row, row_of
from fsapi_nb.history.script_guard import RUN, HistoryMark
from fsapi_nb.model.history import History
from fsapi_nb.model.plan import Mode, Plan, Step, StepPart
from fsapi_nb.plan.kept_rows import KeptRow, rows_kept
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import AS_CONNECTED_ROLE, DROP_PREPARED, RESET_SESSION, Session, in_own_transaction
from fsapi_nb.run import rows
from fsapi_nb.run.patience import LENGTHEN, USUAL, blocks_nobody, longer_wait
from fsapi_nb.run.plan_script import PlanScript, ScriptPiece
from fsapi_nb.run.script_pieces import (
    ENCODING,
    NO_RUN,
    check_pieces,
    filled,
    heads,
    message_piece,
    statement_pieces,
    titled,
    unseen,
    valid_index,
)
from fsapi_nb.run.timeouts import script_timeouts, timeout_messages
from fsapi_nb.run.transaction import is_quiet
from fsapi_nb.script.psql_text import comment, for_psql, literal, quoted
from fsapi_nb.script.session_state import may_change_new_sessions
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.secrets import Secret

# What a session of psql has by itself, or not on every platform.
_NOT_SET = re.compile(r"application_name|client_connection_check_interval|tcp_.*")
_PSQL = rf"""\set ON_ERROR_STOP on
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
\set SINGLELINE off
\set FETCH_COUNT 0
\set QUIET on
{ENCODING}"""


def write_script(
    plan: Plan, history: History, session: Session, mark: HistoryMark, *, title: str, notes: Sequence[str], wait: float
) -> PlanScript:
    """Return the plan as a script.

    Args:
        plan: What is to be done.
        history: The history that the plan was made over.
        session: A session as a run would have it, of which the settings are taken. What is put back into the history
            is read in it.
        mark: What the script makes sure of.
        title: What the plan comes to, and on which database.
        notes: What must be known before it is run.
        wait: The seconds that a statement which blocks nobody waits for locks.

    Raises:
        RefusedPlan: The plan cannot be written as a script.
    """
    _refuse(plan, history)
    recorder = Recorder(session, mark.tables, NO_RUN, host=None)
    writer = _Writer(recorder, mark, _settings(session, mark), wait)
    values = writer.values
    known = [comment(f"! {line}") for note in notes for line in note.split("\n")]
    if not plan:
        return PlanScript((ScriptPiece("\n".join([comment(title), *known])),))
    explained = _explained(values, session.facts.role, session.settings.get("lock_timeout", "0"))
    head = [comment(title), *explained, *known, "", _PSQL, *_asked(values)]
    kept = rows_kept(plan, history.entries)
    pieces = [ScriptPiece("\n".join(head)), *writer.begin(has_csv=_has_csv(plan))]
    pieces += writer.own(rows.announcements(recorder, plan), "what is about to be done, for the journal")
    for number, (step, row) in enumerate(zip(plan.steps, kept, strict=True)):
        pieces += writer.step(number, step, row)
    pieces += writer.own(rows.end_of_redo(recorder, plan), "the redo is done")
    pieces += writer.own(rows.row_messages(recorder, plan), "rows of the history, for which nothing runs")
    pieces += writer.end()
    return PlanScript(tuple(pieces), values)


def _refuse(plan: Plan, history: History) -> None:
    """Raise RefusedPlan for what only a run can find out as it goes."""
    if plan.verb == "fresh":
        raise RefusedPlan(
            "fresh cannot be written as a script: it looks into the catalog while it drops",
            state=UNCHANGED,
            hint=Advice("run it: ", command("fresh")),
        )
    parts = [part for step in plan.steps for part in step.parts]
    half = next((part for part in parts if history.progress(part.migration.name)), None)
    if half:
        raise RefusedPlan(
            f"{half.migration.name} is partly applied: what is left of it cannot be written as a script",
            state=UNCHANGED,
            hint=Advice("go on with it: ", command(plan.verb)),
        )
    unknown = next((part for part in parts if not part.is_parsed), None)
    if unknown:
        raise RefusedPlan(
            f"{unknown.migration.name} cannot be written as a script: the parser does not know its statements",
            state=UNCHANGED,
            hint=Advice("run it: ", command(plan.verb, allow_unparsed=True)),
        )


def _has_csv(plan: Plan) -> bool:
    """Return whether a COPY may have its data in CSV."""
    copies = (each for step in plan.steps for part in step.parts for each in part.statements if each.copy is not None)
    return any("csv" in each.text.lower() for each in copies)


def _settings(session: Session, mark: HistoryMark) -> dict[str, str]:
    """Return what a run sets in its session for each file, without what only matters to fsapi_nb's connection."""
    found = {name: value for name, value in session.settings.items() if not _NOT_SET.fullmatch(name)}
    return found | ({"search_path": mark.search_path} if mark.own_path else {})


def _explained(values: Sequence[str], role: str, lock_timeout: str) -> Iterator[str]:
    """Yield what a reader must know of every such script."""
    yield comment(f"Run it once, by psql: {_typed(values)}")
    yield comment(f"What it makes belongs to the role that runs it; the plan was made as {role}.")
    yield comment("It holds what the migration files hold, secrets too: keep it as you keep them.")
    yield comment(
        f"It stops at the first error, and if a lock is not free within {lock_timeout}; steps before that stay, and are "
        "recorded. Make the script again then; what is partly applied, sapi migrate goes on with."
    )


def _typed(values: Sequence[str]) -> str:
    """Return how the script is run, with the values that it needs."""
    return " ".join(["psql", *(f'-v {name}="..."' for name in values), "-f FILE"])


def _asked(values: Sequence[str]) -> Iterator[str]:
    """Yield what says how a value is given that is missing. The first SQL that needs it fails."""
    for name in values:
        missing = quoted(f"this script needs a value: {_typed([name])}")
        yield f"\\if :{{?{name}}}\n\\else\n\\warn {missing}\n\\endif"


@dataclass(slots=True)
class _Writer:
    """Writes the parts of one script. `outdated` says that a new session would begin with other settings."""

    recorder: Recorder
    mark: HistoryMark
    settings: dict[str, str]
    wait: float
    outdated: bool = False
    _captures: dict[str, str] = field(default_factory=dict)

    @property
    def values(self) -> tuple[str, ...]:
        """The variables of psql that have the secrets of `--set`."""
        return tuple(_variable(name) for name, value in self.settings.items() if isinstance(value, Secret))

    def begin(self, *, has_csv: bool) -> list[ScriptPiece]:
        """Return what makes sure of database, lock and history, and makes missing tables."""
        mark = self.mark
        return [
            titled("this database, this session"),
            *map(ScriptPiece, self._clean()),
            ScriptPiece(script_guard.require_database(mark)),
            ScriptPiece(script_guard.require_path(mark)),
            *map(ScriptPiece, script_guard.require_psql() if has_csv else ()),
            titled("the lock of fsapi_nb's runners, until the end of the script"),
            ScriptPiece(script_guard.take_lock(mark)),
            ScriptPiece(f"SELECT pg_catalog.gen_random_uuid() AS {RUN} \\gset"),
            titled("the history, as it was when this script was made"),
            ScriptPiece("BEGIN;"),
            *map(ScriptPiece, script_guard.require_history(mark)),
            ScriptPiece("COMMIT;"),
        ]

    def end(self) -> list[ScriptPiece]:
        """Return what cleans the session up and releases the lock."""
        return [
            titled("done"),
            *map(ScriptPiece, self._clean()),
            ScriptPiece(f"{script_guard.release_lock(self.mark)} \\gset fsapi_nb_"),
        ]

    def own(self, messages: Sequence[Message], title: str) -> list[ScriptPiece]:
        """Return messages that are a transaction of their own."""
        return [titled(title), *self._own(*messages)] if messages else []

    def step(self, number: int, step: Step, row: KeptRow | None) -> list[ScriptPiece]:
        """Return one step."""
        pieces = [*heads(number, step)]
        if step.parts[0].number == 0:
            pieces += self._begin_file()
        pieces += self._transaction(step, row) if step.mode is Mode.TRANSACTION else self._alone(step, row)
        self.outdated |= any(may_change_new_sessions(each) for part in step.parts for each in part.statements)
        return pieces

    def _begin_file(self) -> list[ScriptPiece]:
        """Return what gives a file a clean session: a new one if a file before it has changed what these begin with."""
        if not self.outdated:
            return [ScriptPiece(text) for text in self._clean()]
        self.outdated = False
        return [
            ScriptPiece("\\connect"),
            *map(ScriptPiece, self._clean()),
            ScriptPiece(script_guard.take_lock(self.mark)),
            *map(ScriptPiece, script_guard.require_own_run(self.mark)),
        ]

    def _clean(self) -> Iterator[str]:
        """Yield what brings the session back to how it began, and sets what each file begins with."""
        yield " ".join(f"{text.decode()};" for text in (*RESET_SESSION, *DROP_PREPARED))
        whole = {name: value for name, value in self.settings.items() if _is_whole(name, value)}
        yield " ".join(f"SET {name} TO {literal(value)};" for name, value in whole.items())
        for name, value in self.settings.items():
            if name not in whole:
                given = f":'{_variable(name)}'" if isinstance(value, Secret) else literal(value)
                yield f"SELECT pg_catalog.set_config({literal(name)}, {given}, false) \\gset fsapi_nb_"

    def _transaction(self, step: Step, row: KeptRow | None) -> Iterator[ScriptPiece]:
        recorder = self.recorder
        # What an earlier step of a file has left in the session may be of another role.
        whole = all(part.of == 1 for part in step.parts)
        quiet = whole and is_quiet(step) and not recorder.session.facts.event_triggers
        yield ScriptPiece(for_psql(step.begin, "BEGIN"))
        for before, part in zip((None, *step.parts), step.parts, strict=False):
            if before and before.direction is not part.direction:
                yield from map(ScriptPiece, self._clean())
            yield from map(message_piece, timeout_messages(part))
            for statement in part.statements:
                yield from statement_pieces(statement, part)
            for check in part.checks:
                yield from check_pieces(check, part)
            yield from self._captured(part)
            yield from map(message_piece, () if quiet else AS_CONNECTED_ROLE)
            yield ScriptPiece(comment("its rows in the history"))
            yield from map(message_piece, self._recorded(recorder.done(part, done_row(part))))
        yield from map(message_piece, recorder.still(row, step))
        yield ScriptPiece("COMMIT;")
        if not step.parts[-1].completes:
            last = step.parts[-1]
            yield from self._own(recorder.left_behind(done_row(last)), before=self._captured(last))

    def _alone(self, step: Step, row: KeptRow | None) -> Iterator[ScriptPiece]:
        (part,) = step.parts
        (statement,) = part.statements
        for name, value in script_timeouts(part).items():
            yield ScriptPiece(f"SET {name} TO {literal(value)};")
        yield ScriptPiece(comment("the journal says that it begins"))
        yield from self._own(*self._recorded(self.recorder.journal(row_of(part, "started", in_transaction=False))))
        wait = longer_wait(self.settings, self.wait) if blocks_nobody(statement) else None
        limits = wait and {name: literal(value) for name, value in wait.items()}
        if limits:
            yield ScriptPiece(unseen(LENGTHEN % limits))
        yield from statement_pieces(statement, part)
        if limits:
            yield ScriptPiece(unseen(USUAL % limits))
        yield from map(ScriptPiece, valid_index(statement))
        yield ScriptPiece(comment("its rows in the history"))
        recorded = self._recorded(self.recorder.done(part, done_row(part, in_transaction=False)))
        yield from self._own(*recorded, *self.recorder.still(row, step), before=self._captured(part))

    def _own(self, *messages: Message, before: Iterable[ScriptPiece] = ()) -> Iterator[ScriptPiece]:
        """Yield messages in a transaction of their own, as the role that connected; `before` as that of the script."""
        begin, *others = in_own_transaction(*AS_CONNECTED_ROLE, *messages)
        yield message_piece(begin)
        yield from before
        yield from map(message_piece, others)

    def _recorded(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return messages that write a record, with the check behind it only if something may swallow its rows."""
        return messages if self.mark.has_actors else messages[:1]

    def _captured(self, part: StepPart) -> Iterator[ScriptPiece]:
        """Yield what keeps the state of the session for the journal. Its text is long: psql has it in a variable."""
        for message in self.recorder.captured(part):
            text = " ".join(filled(message).split("\n    "))
            if text not in self._captures:
                self._captures[text] = f"fsapi_nb_session_{len(self._captures) + 1}"
                yield ScriptPiece(f"\\set {self._captures[text]} {quoted(text)}")
            yield ScriptPiece(unseen(f":{self._captures[text]}"))


def _is_whole(name: str, value: str) -> bool:
    """Return whether SET takes the value as it is: not a list, and no secret, which a variable of psql has."""
    return not isinstance(value, Secret) and name != "search_path"


def _variable(setting: str) -> str:
    """Return the variable of psql that has the value of a setting: `fsapi_env` for `fsapi.env`."""
    return setting.replace(".", "_")
