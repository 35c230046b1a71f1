"""What each verb returns: a frozen value with a text, an HTML, a JSON and a DataFrame form.

Text and HTML are the same for the same outcome: no times, durations, paths or addresses in them, so that a
stored notebook stays equal. Times are attributes, columns of the DataFrame, metadata of the notebook's output,
and are shown on a terminal (`lines(times=True)`).
"""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsapi_nb.model import (
    DatabaseObject,
    Direction,
    Done,
    HistoryEntry,
    Identity,
    JournalEntry,
    MigrationStatus,
    Plan,
    State,
    Step,
)
from fsapi_nb.views.escape import esc, visible

if TYPE_CHECKING:
    import pandas

    from fsapi_nb.database.query import ResultSet

#: A status of more lines than this is folded to what matters.
FOLD = 40
_INTEGERS = {"duration_ms", "server_pid"}
# Tones in the middle, so that they can be read on a light and on a dark page (contrast about 4 : 1 on both).
_TONES = {
    State.APPLIED.value: "#2b8a3e",
    State.PENDING.value: "#2c7be5",
    State.LATE.value: "#b56f00",
    State.DRIFTED.value: "#e0454a",
    State.MISSING.value: "#b56f00",
    State.PARTLY_APPLIED.value: "#e0454a",
    State.IN_DOUBT.value: "#e0454a",
    State.BROKEN.value: "#e0454a",
}


class Result(abc.ABC):
    """What all results have in common. A repr is a photograph: it reads nothing and asks nobody."""

    __slots__ = ()

    @abc.abstractmethod
    def lines(self, *, times: bool = False) -> list[str]:
        """The text form, a line each; with `times`, durations and moments are shown where there are any."""

    @abc.abstractmethod
    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The columns' names and the rows, for the DataFrame and the HTML form."""

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""

    def to_frame(self) -> pandas.DataFrame:
        """The result as a pandas DataFrame, times included."""
        import pandas

        columns, rows = self.table()
        frame = pandas.DataFrame([tuple(row) for row in rows], columns=columns)
        return frame.astype({name: "Int64" for name in columns if name in _INTEGERS})

    def headline(self) -> str:
        """The first line."""
        return self.lines()[0]

    def html(self) -> str:
        """The HTML form: the headline and a table, everything escaped; no script, no style sheet."""
        columns, rows = self.preview()
        return _html(self.headline(), columns, rows, self.remarks())

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The part of the table that the HTML form shows: nothing that differs from run to run."""
        return self.table()

    def remarks(self) -> Sequence[str]:
        """What stands below the table."""
        return ()

    def metadata(self) -> dict[str, Any]:
        """What differs from run to run, for the output's metadata."""
        return {}

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        metadata = self.metadata()
        return {"text/plain": repr(self), "text/html": self.html()}, {"fsapi": metadata} if metadata else {}


@dataclass(frozen=True, slots=True, repr=False)
class StatusResult(Result):
    """Where each migration stands, ordered by name. `to_frame()` has a row for each."""

    statuses: tuple[MigrationStatus, ...]
    identity: Identity
    verb: str = "status"

    @property
    def attention(self) -> bool:
        """Whether something is pending, or not as it should be."""
        return any(status.state is not State.APPLIED for status in self.statuses)

    def headline(self) -> str:
        """How many there are in each state."""
        where = f"{self.identity.database}{' (protected)' if self.identity.protected else ''}"
        if not self.statuses:
            return f"Nothing is pending on {where}." if self.verb == "pending" else f"No migrations yet on {where}."
        counts = Counter(status.state for status in self.statuses)
        parts = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
        return f"{_number(len(self.statuses), 'migration')} on {where}: {parts}"

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline and a line for each migration; of many, the applied ones before the last are folded."""
        lines = [self.headline()]
        shown = _folded(self.statuses)
        width = max((len(status.state.value) for status in shown), default=0)
        if len(shown) < len(self.statuses):
            lines.append(f"  … {len(self.statuses) - len(shown)} more applied")
        for status in shown:
            moment = ""
            if times:
                at = status.entry.applied_at if status.entry else None
                moment = f"{at:%Y-%m-%d %H:%M}  " if at else " " * 18
            note = f"  ({status.note})" if status.note else ""
            lines.append(f"  {status.state.value:<{width}}  {moment}{visible(status.name)}{visible(note)}")
            lines += [f"    {visible(line)}" for problem in status.problems for line in problem.lines()]
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, state, note, when and how long (milliseconds)."""
        columns = ["name", "state", "note", "applied_at", "duration_ms"]
        return columns, [
            (s.name, s.state.value, s.note, s.entry and s.entry.applied_at, s.entry and s.entry.duration_ms)
            for s in self.statuses
        ]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, state and note."""
        rows: list[Sequence[Any]] = []
        for status in _folded(self.statuses):
            problems = [line for problem in status.problems for line in problem.lines()]
            rows.append(
                (status.name, status.state.value, "\n".join([*([status.note] if status.note else []), *problems]))
            )
        return _without_empty(["migration", "state", "note"], rows)

    def remarks(self) -> Sequence[str]:
        """How many were folded."""
        hidden = len(self.statuses) - len(_folded(self.statuses))
        return [f"and {hidden} more that are applied; to_frame() has them all"] if hidden else []

    def to_json(self) -> dict[str, Any]:
        """The database and its migrations."""
        return {
            "database": self.identity.database,
            "protected": self.identity.protected,
            "migrations": [
                {
                    "name": status.name,
                    "state": status.state.value,
                    "note": status.note,
                    "applied_at": _iso(status.entry.applied_at) if status.entry else None,
                    "duration_ms": status.entry.duration_ms if status.entry else None,
                    "problems": ["\n".join(problem.lines()) for problem in status.problems],
                }
                for status in self.statuses
            ],
        }


def _folded(statuses: Sequence[MigrationStatus]) -> Sequence[MigrationStatus]:
    """All of a short status; of a long one what is not simply applied, and the last ten that are."""
    if len(statuses) <= FOLD:
        return statuses
    last = {status.name for status in [s for s in statuses if s.state is State.APPLIED][-10:]}
    return [status for status in statuses if status.state is not State.APPLIED or status.name in last]


@dataclass(frozen=True, slots=True, repr=False)
class PlanResult(Result):
    """What would be done: steps with their transaction mode and the reason. `to_frame()` has a row a statement."""

    plan: Plan
    identity: Identity | None = None

    @property
    def attention(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.plan)

    def headline(self) -> str:
        """What the plan comes to."""
        where = (
            f" on {self.identity.database}{' (protected)' if self.identity.protected else ''}" if self.identity else ""
        )
        if not self.plan:
            return f"Plan: nothing to do{where}."
        parts = [f"drop {_number(len(self.plan.drops), 'object')}"] if self.plan.drops else []
        for direction, word in ((Direction.DOWN, "roll back"), (Direction.UP, "apply")):
            count = sum(1 for _, each in self.plan.migrations if each is direction)
            parts += [f"{word} {_number(count, 'migration')}"] if count else []
        parts += [f"record {_number(len(self.plan.marks), 'migration')}, running nothing"] if self.plan.marks else []
        return f"Plan: {' and '.join(parts)}{where}"

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, the notes, and each step with its statements."""
        lines = [self.headline(), *(f"  ! {visible(note)}" for note in self.plan.notes)]
        lines += _drop_lines(self.plan.drops)
        lines += [f"  record  {visible(migration.name)}" for migration in self.plan.marks]
        for number, step in enumerate(self.plan.steps, 1):
            for part in step.parts:
                of = f", step {part.number + 1} of {part.of}" if part.of > 1 else ""
                lines.append(f"{number:>3}. {part.direction.value:<4} {visible(part.migration.name)}{of}")
            lines.append(f"     {step.mode.value}: {visible(step.reason)}")
            lines += _statement_lines(step)
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each statement, or for each step that has none."""
        rows: list[Sequence[Any]] = [("", "drop", drop.identity, "", "", drop.kind) for drop in self.plan.drops]
        rows += [("", "record", migration.name, "", "", "") for migration in self.plan.marks]
        for number, step in enumerate(self.plan.steps, 1):
            for part in step.parts:
                head = (number, part.direction.value, part.migration.name, f"{step.mode.value}: {step.reason}")
                rows += [(*head, s.line, s.kind) for s in part.statements] or [(*head, "", "no statement")]
        return ["step", "direction", "migration", "transaction", "line", "statement"], rows

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The table, where a step's first line alone says what holds for all of it."""
        columns, rows = self.table()
        return columns, _said_once(rows, 4)

    def remarks(self) -> Sequence[str]:
        """The notes of the plan."""
        return self.plan.notes

    def to_json(self) -> dict[str, Any]:
        """The plan as it will run."""
        return {
            "verb": self.plan.verb,
            "notes": list(self.plan.notes),
            "drops": [{"kind": drop.kind, "identity": drop.identity} for drop in self.plan.drops],
            "records": [migration.name for migration in self.plan.marks],
            "steps": [
                {
                    "mode": step.mode.value,
                    "reason": step.reason,
                    "parts": [
                        {
                            "migration": part.migration.name,
                            "direction": part.direction.value,
                            "step": part.number + 1,
                            "steps": part.of,
                            "statements": [{"line": s.line, "kind": s.kind} for s in part.statements],
                        }
                        for part in step.parts
                    ],
                }
                for step in self.plan.steps
            ],
        }


def _statement_lines(step: Step, most: int = 12) -> list[str]:
    statements = [statement for part in step.parts for statement in part.statements]
    lines = [f"       line {statement.line:<4} {statement.kind}" for statement in statements[:most]]
    if len(statements) > most:
        lines.append(f"       … {len(statements) - most} statements more")
    return lines or ["       no statement: it is only recorded"]


def _drop_lines(drops: Sequence[DatabaseObject], most: int = 60) -> list[str]:
    lines = [f"  drop    {drop.kind} {visible(drop.identity)}" for drop in drops[:most]]
    return lines if len(drops) <= most else [*lines, f"  … {len(drops) - most} objects more"]


@dataclass(frozen=True, slots=True, repr=False)
class RunResult(Result):
    """What a run did, in order. `elapsed` is in seconds, by a monotonic clock."""

    verb: str
    done: tuple[Done, ...]
    notes: tuple[str, ...] = ()
    elapsed: float = 0.0
    drops: tuple[DatabaseObject, ...] = ()

    def headline(self) -> str:
        """What was done, in one sentence."""
        dropped = f"Dropped {_number(len(self.drops), 'object')}. " if self.verb == "fresh" else ""
        words = {"baseline": ("Recorded", "as applied, running nothing")}
        parts = []
        for direction, word in ((Direction.DOWN, "Rolled back"), (Direction.UP, "Applied")):
            count = sum(1 for done in self.done if done.direction is direction)
            verb, rest = words.get(self.verb, (word, ""))
            parts += [f"{verb} {_number(count, 'migration')}{' ' + rest if rest else ''}."] if count else []
        if not parts and not dropped:
            return "Nothing to do: everything is applied." if self.verb == "migrate" else "Nothing to do."
        return (dropped + " ".join(parts)).strip()

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, the notes, and each migration with what the server said."""
        lines = [self.headline(), *(f"  ! {visible(note)}" for note in self.notes)]
        for done in self.done:
            sign = "↑" if done.direction is Direction.UP else "↓"
            elapsed = f"  {done.elapsed * 1000:.0f} ms" if times and self.verb != "baseline" else ""
            lines.append(f"  {sign} {visible(done.name)}{elapsed}")
            lines += [f"      {visible(notice)}" for notice in done.notices]
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, direction, steps, notices and how long (milliseconds)."""
        columns = ["name", "direction", "steps", "notices", "duration_ms"]
        return columns, [
            (done.name, done.direction.value, done.steps, "\n".join(done.notices), round(done.elapsed * 1000))
            for done in self.done
        ]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, direction and notices."""
        columns = ["migration", "direction", "said by the server"]
        rows = [(done.name, done.direction.value, "\n".join(done.notices)) for done in self.done]
        return _without_empty(columns, rows)

    def remarks(self) -> Sequence[str]:
        """The notes of the plan that ran."""
        return self.notes

    def metadata(self) -> dict[str, Any]:
        """How long it took."""
        return {
            "elapsed_ms": round(self.elapsed * 1000),
            "durations_ms": {done.name: round(done.elapsed * 1000) for done in self.done},
        }

    def to_json(self) -> dict[str, Any]:
        """What was done, with durations."""
        return {
            "verb": self.verb,
            "notes": list(self.notes),
            "dropped": [{"kind": drop.kind, "identity": drop.identity} for drop in self.drops],
            "done": [
                {
                    "name": done.name,
                    "direction": done.direction.value,
                    "steps": done.steps,
                    "duration_ms": round(done.elapsed * 1000),
                    "notices": list(done.notices),
                }
                for done in self.done
            ],
            "elapsed_ms": round(self.elapsed * 1000),
        }


@dataclass(frozen=True, slots=True, repr=False)
class RepairResult(Result):
    """What was written into the history about files that were edited, or steps that were in doubt."""

    names: tuple[str, ...]
    verb: str = "repair"

    def lines(self, *, times: bool = False) -> list[str]:
        """One sentence for each."""
        if not self.names:
            return ["Nothing to repair: the file is what was applied."]
        said = "accepted as it is now" if self.verb == "repair" else "resolved"
        return [f"{visible(name)} {said}; this is recorded in the journal." for name in self.names]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The names."""
        return ["migration"], [(name,) for name in self.names]

    def to_json(self) -> dict[str, Any]:
        """The names."""
        return {"verb": self.verb, "names": list(self.names)}


@dataclass(frozen=True, slots=True, repr=False)
class FileResult(Result):
    """What became of a migration's file: `action` is created, updated or unchanged; `plan` what it would do.

    `shown` is the name as the user typed it: a name that was made holds the minute it was made in, and a
    notebook must not store that.
    """

    name: str
    action: str
    shown: str | None = None
    applied: bool = False
    plan: PlanResult | None = None
    run: RunResult | None = None

    def headline(self) -> str:
        """What was done with the file."""
        where = " and is applied" if self.applied else ""
        return (
            f"{visible(self.shown or self.name)} {'is' if self.action == 'unchanged' else 'was'} {self.action}{where}."
        )

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, and what ran or would run."""
        if self.run:
            return [self.headline(), self.run.headline(), *self._notices()]
        if self.plan is None:
            return [self.headline()]
        lines = [self.headline(), "It will run as:"]
        for number, step in enumerate(self.plan.plan.steps, 1):
            lines += [f"{number:>3}. {step.mode.value}: {visible(step.reason)}", *_statement_lines(step)]
        return lines

    def _notices(self) -> list[str]:
        return [f"      {visible(notice)}" for done in (self.run.done if self.run else ()) for notice in done.notices]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The statements of the plan, or what ran."""
        if self.run:
            return ["direction", "said by the server"], [
                (done.direction.value, "\n".join(done.notices)) for done in self.run.done
            ]
        columns, rows = self.plan.table() if self.plan else ([], [])
        return [column for column in columns if column != "migration"], [(*row[:2], *row[3:]) for row in rows]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The statements of the plan; of what ran only what the server said."""
        columns, rows = self.table()
        if self.run:
            return columns, [row for row in rows if row[-1]]
        return columns, _said_once(rows, 3)

    def remarks(self) -> Sequence[str]:
        """What ran, as a sentence."""
        return [self.run.headline()] if self.run else []

    def metadata(self) -> dict[str, Any]:
        """The file's name, and how long the run took."""
        return {"file": self.name, **(self.run.metadata() if self.run else {})}

    def to_json(self) -> dict[str, Any]:
        """The file, and what ran or would run."""
        return {
            "file": self.name,
            "action": self.action,
            "applied": self.applied,
            "plan": self.plan.to_json() if self.plan else None,
            "run": self.run.to_json() if self.run else None,
        }


@dataclass(frozen=True, slots=True, repr=False)
class HistoryResult(Result):
    """The journal, oldest first, and what is applied without standing in it (fsapi's own rows)."""

    events: tuple[JournalEntry, ...]
    entries: tuple[HistoryEntry, ...] = ()
    count: int | None = None

    def headline(self) -> str:
        """How much there is."""
        events = _number(len(self.events), "event")
        newest = f"the newest {events} of the journal" if self.count else f"{events} in the journal"
        return f"{newest}, {_number(len(self.entries), 'migration')} applied"

    def lines(self, *, times: bool = False) -> list[str]:
        """A line for each event."""
        lines = [self.headline()]
        for event in self.events:
            moment = f"{event.at:%Y-%m-%d %H:%M:%S}  " if times else ""
            of = f" step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
            elapsed = f"  {event.duration_ms} ms" if times and event.duration_ms is not None else ""
            message = f"  {event.message}" if event.message else ""
            what = f"{event.event:<8} {event.state:<8} {event.migration or ''}{of}"
            lines.append(f"  {moment}{visible(what)}{elapsed}{visible(message)}")
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Everything that the journal holds of each event."""
        columns = ["at", "migration", "event", "state", "step", "steps", "duration_ms", "role", "host", "application"]
        columns += ["server_pid", "notebook", "message", "run_id"]
        return columns, [tuple(getattr(event, column) for column in columns) for event in self.events]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Without times, places and identities."""
        rows: list[Sequence[Any]] = [
            (e.migration or "", e.event, e.state, f"{e.step} of {e.steps}" if e.steps else "", e.message or "")
            for e in self.events
        ]
        return _without_empty(["migration", "event", "state", "step", "message"], rows)

    def to_json(self) -> dict[str, Any]:
        """The events, and the applied migrations."""
        columns, rows = self.table()
        return {
            "events": [
                {name: _iso(value) if name == "at" else value for name, value in zip(columns, row, strict=True)}
                for row in rows
            ],
            "applied": [
                {"name": entry.name, "applied_at": _iso(entry.applied_at), "duration_ms": entry.duration_ms}
                for entry in self.entries
            ],
        }


@dataclass(frozen=True, slots=True, repr=False)
class QueryResult(Result):
    """What a query gave: a result for each statement. `to_frame()` is the last that has columns."""

    results: tuple[ResultSet, ...]

    @property
    def last(self) -> ResultSet | None:
        """The last result that has columns."""
        return next((result for result in reversed(self.results) if result.columns), None)

    def lines(self, *, times: bool = False) -> list[str]:
        """Every result as an aligned table, and the command of each that has none."""
        from fsapi_nb.views.tables import text_table

        lines: list[str] = []
        for result in self.results:
            lines += text_table(result).splitlines() if result.columns else [result.command]
        return lines or ["(no statement)"]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The commands; the rows are in `to_frame()`."""
        return ["command"], [(result.command,) for result in self.results]

    def to_frame(self) -> pandas.DataFrame:
        """The last result that has columns, typed by column; the commands where none has."""
        from fsapi_nb.views.frames import to_frame

        # Not super(): the class that `slots=True` makes anew is not the one a zero-argument super() knows.
        return to_frame(self.last) if self.last else Result.to_frame(self)

    def to_json(self) -> dict[str, Any]:
        """Every result: columns, rows as exact values, command."""
        from fsapi_nb.views.tables import to_json

        return {"results": [to_json(result) for result in self.results]}


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _iso(moment: object) -> str | None:
    return moment.isoformat() if hasattr(moment, "isoformat") else None


def _said_once(rows: Sequence[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """The rows, with the first `width` cells empty where they are those of the row before."""
    shown: list[Sequence[Any]] = []
    for before, row in zip([None, *rows], rows, strict=False):
        same = before is not None and tuple(before[:width]) == tuple(row[:width])
        shown.append((*([""] * width), *row[width:]) if same else row)
    return shown


def _without_empty(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[Sequence[Any]]]:
    """The table without the columns in which nothing stands."""
    kept = [index for index in range(len(columns)) if any(row[index] not in ("", None) for row in rows)]
    return [columns[index] for index in kept], [[row[index] for index in kept] for row in rows]


def _html(headline: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], remarks: Sequence[str]) -> str:
    parts = [f"<div><strong>{esc(headline)}</strong>"]
    if rows:
        head = "".join(f'<th style="text-align:left">{esc(column)}</th>' for column in columns)
        body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    parts += [f"<p>{esc(remark)}</p>" for remark in remarks]
    return "".join([*parts, "</div>"])


def _cell(value: object) -> str:
    tone = _TONES.get(value) if isinstance(value, str) else None
    wrap = "pre-wrap" if isinstance(value, str) and len(value) > 50 else "pre"
    style = f"text-align:left;vertical-align:top;white-space:{wrap}{f';color:{tone};font-weight:600' if tone else ''}"
    return f'<td style="{style}">{esc("" if value is None else value)}</td>'
