"""Find what a run that goes on in another session must have again, and what it cannot have.

The steps of a script share a session as long as it lasts. After a failure between two of them, settings and other
things that are safe to repeat are made again; a temporary table with its rows, a cursor or a drawn number is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fsapi_nb.errors import PartlyApplied
from fsapi_nb.model.migration import Direction, Migration, Statement
from fsapi_nb.model.plan import Plan, Step
from fsapi_nb.plan.other_session import unseen_tables
from fsapi_nb.plan.steps import ScriptStep, cut
from fsapi_nb.plan.undo import undo_pieces
from fsapi_nb.script.session_state import (
    SessionObject,
    asks_what_was_drawn,
    ends,
    leaves,
    may_change_new_sessions,
    may_draw,
    needs,
    only_sets,
)
from fsapi_nb.text.command import Advice, Command, command

_MOST = 3
_SUCH_AS = "such as with CREATE TEMP TABLE IF NOT EXISTS"


@dataclass(frozen=True, slots=True)
class Lost:
    """An object that a statement needs, and that another one had left in a session which is lost."""

    what: str
    made: Statement
    used: Statement

    def __str__(self) -> str:
        return f"line {self.used.line} ({self.used.traits.kind}) needs the {self.what} of line {self.made.line}"


@dataclass(slots=True)
class _SessionContents:
    """The state of a session after some statements: its objects, and the statements to repeat.

    `drew` is a statement that may have drawn a number from a sequence.
    """

    objects: dict[tuple[str, str], tuple[SessionObject, Statement]]
    repeatable: list[Statement]
    drew: Statement | None = None


def restored(before: Iterable[Statement]) -> tuple[Statement, ...]:
    """Return those of the statements that ran which are to be run again in a new session, in order."""
    return tuple(_after(before).repeatable)


def lost(before: Iterable[Statement], after: Iterable[Statement]) -> Iterator[Lost]:
    """Yield what the statements after need of those before, and would not find in a new session.

    Each object once.
    """
    session = _after(before)
    repeatable = {id(statement) for statement in session.repeatable}
    gone = {key: pair for key, pair in session.objects.items() if id(pair[1]) not in repeatable}
    drew = session.drew
    for statement in after:
        for again in leaves(statement):
            gone.pop((again.kind, again.name), None)
        for key, (left, made) in list(gone.items()):
            if needs(statement, left):
                yield Lost(str(left), made, statement)
                del gone[key]
            elif ends(statement, left):
                del gone[key]
        if drew and asks_what_was_drawn(statement):
            yield Lost("number drawn from a sequence", drew, statement)
            drew = None
        drew = None if may_draw(statement) else drew


def _after(statements: Iterable[Statement]) -> _SessionContents:
    session = _SessionContents({}, [])
    for statement in statements:
        made = leaves(statement)
        own = {(left.kind, left.name) for left in made}
        users = [key for key, (left, _) in session.objects.items() if key not in own and needs(statement, left)]
        for key in [key for key, (left, _) in session.objects.items() if ends(statement, left)]:
            _forget(session, key)
        is_safe = all(left.is_safe for left in made) and all(_is_repeated(session, key) for key in users)
        can_be_repeated = is_safe if made else only_sets(statement)
        if can_be_repeated:
            session.repeatable.append(statement)
        else:  # whatever it does to a table, repeating the table's definition does not do it again
            for key in users:
                _keep_no_definition(session, key)
        session.objects |= {(left.kind, left.name): (left, statement) for left in made}
        session.drew = statement if may_draw(statement) else session.drew
    return session


def _is_repeated(session: _SessionContents, key: tuple[str, str]) -> bool:
    return key not in session.objects or any(each is session.objects[key][1] for each in session.repeatable)


def _forget(session: _SessionContents, key: tuple[str, str]) -> None:
    _, made = session.objects.pop(key)
    session.repeatable = [each for each in session.repeatable if each is not made]


def _keep_no_definition(session: _SessionContents, key: tuple[str, str]) -> None:
    """Take a table that was changed, or a sequence that was drawn from, out of what can be repeated."""
    if key in session.objects and key[0] in {"temporary table", "temporary sequence"}:
        _, made = session.objects[key]
        session.repeatable = [each for each in session.repeatable if each is not made]


def refuse_lost(
    migration: Migration,
    direction: Direction,
    pieces: Sequence[ScriptStep],
    state: Mapping[str, str],
    *,
    done: int,
    is_applied: bool,
) -> None:
    """Raise PartlyApplied if the steps that are left need what the session of the first `done` had.

    Args:
        migration: The migration.
        direction: Which of its scripts runs.
        pieces: That script, cut into steps.
        state: What the journal says of the session of the steps that are done.
        done: How many steps are done.
        is_applied: Whether the migration has a history row: then the stored DOWN runs, whatever the file says.
    """
    before, rest = statements_of(pieces[:done]), statements_of(pieces[done:])
    found = [str(each) for each in lost(before, rest)]
    for name, used in unseen_tables(state, before, rest):
        found.append(
            f"line {used.line} ({used.traits.kind}) needs the temporary table {name}, which an earlier step has made"
        )
    if found:
        raise PartlyApplied(
            f"{migration.name} cannot go on in a new session: what its first steps left in the old one is gone",
            details=tuple(f"  {each}" for each in found),
            state=f"unchanged; {'its first step is' if done == 1 else f'its first {done} steps are'} committed.",
            hint=_way_back(migration, pieces, done) if direction is Direction.UP else _way_on(migration, is_applied),
        )


def _way_back(migration: Migration, pieces: Sequence[ScriptStep], done: int) -> str:
    """Say what helps an UP: a rollback if its DOWN can undo what was done, or an edit of the rest."""
    undo: tuple[str | Command, ...]
    if migration.down is None:
        undo = ("write a DOWN below its UP that drops what was made, and ", command("rollback"))
    elif _can_undo(migration, pieces, done):
        undo = (command("rollback"), " undoes what was done")
    else:
        undo = ("let its DOWN hold plain DROPs of what was made, and ", command("rollback"))
    return Advice(
        *undo,
        ", so that ",
        command("migrate"),
        f" runs all of it in one session; or make what is needed again in the part of the file that has not run, {_SUCH_AS}.",
    )


def _way_on(migration: Migration, is_applied: bool) -> str:
    """Say what helps a DOWN: an edit of the rest, which must be accepted if another text is stored."""
    accepted = (", accept that with ", command("repair", migration.name)) if is_applied else ()
    return Advice(
        f"make what is needed again in the part of its DOWN that has not run, {_SUCH_AS}",
        *accepted,
        ", and run this again.",
    )


def _can_undo(migration: Migration, pieces: Sequence[ScriptStep], done: int) -> bool:
    down, problems = cut(migration, migration.down) if migration.down else ((), ())
    try:
        undo_pieces(migration, pieces, down, done=done)
    except PartlyApplied:
        return False
    return not problems


def session_notes(steps: Sequence[Step]) -> Iterator[str]:
    """Yield a warning for each migration that could not go on in another session if it were cut off."""
    parts = [part for step in steps for part in step.parts if part.of > 1]
    for migration, direction in dict.fromkeys((part.migration.name, part.direction) for part in parts):
        own = [part.statements for part in parts if (part.migration.name, part.direction) == (migration, direction)]
        found = {(each.what, each.made.line): each for number in _boundaries(own) for each in _across(own, number)}
        if found:
            shown = [str(each) for each in found.values()]
            more = f", and {len(shown) - _MOST} more" if len(shown) > _MOST else ""
            yield (
                f"{migration}: {'; '.join(shown[:_MOST])}{more}, from another step: if the run is cut off in between, the "
                "next one cannot go on with it"
            )
        changes = (each for group in own[:-1] for each in group if may_change_new_sessions(each))
        if change := next(changes, None):
            yield (
                f"{migration}: line {change.line} ({change.traits.kind}) may change the settings of new sessions: the steps "
                "behind it run without them, and do not go on by themselves if the run is cut off in between; put it into a "
                "migration of its own"
            )


def notes_once_run(plan: Plan) -> tuple[str, ...]:
    """Return the notes of a plan that still mean something once all of it has run."""
    over = set(session_notes(plan.steps))
    return tuple(note for note in plan.notes if note not in over)


def _boundaries(groups: Sequence[Sequence[Statement]]) -> Iterator[int]:
    """Yield the numbers of the groups that may need what an earlier one has left in the session.

    Few scripts have any.
    """
    made: list[SessionObject] = []
    for number, group in enumerate(groups):
        if number and any(
            asks_what_was_drawn(statement) or any(needs(statement, left) for left in made) for statement in group
        ):
            yield number
        made += [left for statement in group for left in leaves(statement)]


def _across(groups: Sequence[Sequence[Statement]], number: int) -> Iterator[Lost]:
    before = (statement for group in groups[:number] for statement in group)
    return lost(before, (statement for group in groups[number:] for statement in group))


def statements_of(pieces: Iterable[ScriptStep]) -> list[Statement]:
    """Return the statements of some steps, in order."""
    return [statement for piece in pieces for statement in piece.statements]
