"""Decide whether a migration may go on in another session than that of its first steps.

Settings that the text of those steps makes are made again from the text. What they have set otherwise, such as by a
function, and what new sessions now begin with, is only known from the journal: the rest does not run in a session that
lacks it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fsapi_nb.errors import PartlyApplied
from fsapi_nb.model.migration import Direction, Statement
from fsapi_nb.model.plan import SessionBefore, StepPart
from fsapi_nb.script.session_state import LOCKS, SessionObject, dropped_at_commit, leaves, needs, only_sets
from fsapi_nb.text.command import Advice, Command, command
from fsapi_nb.text.sql import quote_literal, quote_name

_GIVEN = "fsapi."  # the prefix of settings that --set gives
_WHOLE = "current_schema"  # only a journal that has it keeps all settings
_TEMPORARY = "temporary tables"
_LEAD_ELSEWHERE = {"search_path", "role", "session_authorization"}
_CHARACTERISTICS = {f"default_transaction_{what}" for what in ("isolation", "read_only", "deferrable")}


def refuse_other_session(part: StepPart, before: SessionBefore, now: Mapping[str, str]) -> None:
    """Raise PartlyApplied if a migration would go on with other settings than its first steps had.

    They are not made again from the journal: a role that may add a row to it could choose a search_path.
    """
    names = _unlike(before, now)
    if not names:
        return
    again = " ".join(filter(None, (_statement(each, before.state.get(each)) for each in names)))
    name, is_applied = part.migration.name, part.entry is not None
    accepted: tuple[str | Command, ...] = ()
    if part.direction is Direction.DOWN and is_applied:
        accepted = (", accept that with ", command("repair", name))
    given = [each.removeprefix(_GIVEN) for each in names if each.startswith(_GIVEN)]
    hints: list[str] = []
    if given:
        hints.append(f"give --set {' and --set '.join(given)} as it was given to the run before")
    if again:
        hints.append(
            Advice("put this in front of the part of the file that has not run", *accepted, f", and run again: {again}")
        )
    raise PartlyApplied(
        f"{name} cannot go on: its first steps had other settings than this session",
        details=tuple(f"  {_changed(each, before.state.get(each), now.get(each))}" for each in names),
        state=f"unchanged; {'its first step is' if part.number == 1 else f'its first {part.number} steps are'} committed.",
        hint=Advice("; ").join(hints),
    )


def _unlike(before: SessionBefore, now: Mapping[str, str]) -> list[str]:
    """Return the names of what differs and matters to the rest, in order."""
    then, own = before.state, before.own
    names = {name for name, value in then.items() if now.get(name) != value}
    if _WHOLE in then:  # an earlier release kept only a few settings
        names |= now.keys() - then.keys()
    names = {name for name in names - {_TEMPORARY} if name.lower() not in own}
    if (_WHOLE in names and not own.isdisjoint(_LEAD_ELSEWHERE)) or not names.isdisjoint(_LEAD_ELSEWHERE):
        names.discard(_WHOLE)
    return sorted(names)


def _changed(name: str, then: str | None, now: str | None) -> str:
    if "." in name:
        return f"{name} was {'not set, and is' if then is None else 'set, and is not' if now is None else 'set to another value'}"
    if name == LOCKS:
        return f"{name} were {then or 'none'}, and are {now or 'none'}"
    return f"{name} was {_shown(then)}, and is {_shown(now)}"


def _shown(value: str | None) -> str:
    return "as the server has it" if value is None else value or "empty"


def _statement(name: str, value: str | None) -> str:
    """Return the statement that sets this again, with a gap for a value that the journal does not have."""
    if name.startswith(_GIVEN):
        return ""
    if name == LOCKS:
        return " ".join(f"SELECT pg_advisory_lock({key});" for key in (value or "").split("; ") if key)
    if name == _WHOLE:
        return f"SELECT set_config('search_path', {quote_literal(quote_name(value or ''))}, false);"
    shown = "''" if "." in name and value is None else "'…'" if "." in name or value is None else quote_literal(value)
    return f"SELECT set_config({quote_literal(name)}, {shown}, false);"


def made_by_rest(rest: Sequence[Statement], names: Iterable[str]) -> frozenset[str]:
    """Return those of the settings that these statements make before any of them may need them."""
    made: set[str] = set()
    missing: set[str] = set()
    for statement in rest:
        own = _settings_of(statement)
        made |= own
        if not own and statement.traits.kind != "SET" and not only_sets(statement):
            wanted = (SessionObject("setting", name.lower()) for name in names)
            missing |= {left.name for left in wanted if left.name not in made and needs(statement, left)}
    return frozenset({name.lower() for name in names} - missing)


def _settings_of(statement: Statement) -> set[str]:
    """Return the settings that a statement makes for the session, if it does nothing else."""
    if not only_sets(statement):
        return set()
    if statement.traits.kind == "SELECT" and not statement.traits.changes_session:
        return {LOCKS}
    names = {left.name for left in leaves(statement) if left.kind == "setting"}
    return names | _CHARACTERISTICS if "session characteristics" in names else names


def settings_made(statements: Iterable[Statement]) -> frozenset[str]:
    """Return the settings that these statements make for their session."""
    return frozenset(name for statement in statements for name in _settings_of(statement))


def unseen_tables(
    state: Mapping[str, str], before: Iterable[Statement], rest: Iterable[Statement]
) -> Iterator[tuple[str, Statement]]:
    """Yield temporary tables that no statement before shows, each with a statement that needs it.

    A function may have made them. `state` is what the journal says of the session.
    """
    before = tuple(before)
    seen = {left.name for statement in before for left in leaves(statement)}
    seen |= {name for statement in before for name in dropped_at_commit(statement.text)}
    gone = {name: SessionObject("temporary table", name) for name in _names(state.get(_TEMPORARY)) if name not in seen}
    for statement in rest:
        for again in leaves(statement):
            gone.pop(again.name, None)
        for name in [name for name, left in gone.items() if needs(statement, left)]:
            yield name, statement
            del gone[name]


def _names(text: str | None) -> list[str]:
    try:
        names = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
