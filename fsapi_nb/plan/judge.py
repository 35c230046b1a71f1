"""Judge whether a statement outside of a transaction happened, from the catalog before it and now.

Nothing is guessed: if the outcome cannot be determined, it is in doubt. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fsapi_nb.model.migration import Effect, EffectKind, Statement

#: What the catalog said, as JSON holds it; which keys there are depends on the effect.
CatalogView = Mapping[str, Any]

_CREATED = {EffectKind.DATABASE_CREATED, EffectKind.TABLESPACE_CREATED, EffectKind.SUBSCRIPTION_CREATED}
_DROPPED = {EffectKind.DATABASE_DROPPED, EffectKind.TABLESPACE_DROPPED, EffectKind.SUBSCRIPTION_DROPPED}

#: The key of a catalog view that a verdict needs, by the effect; for what is created or dropped it is `there`.
_NEEDED = {
    EffectKind.INDEX_CREATED: "indexes",
    EffectKind.REINDEXED: "leftovers",
    EffectKind.PARTITION_DETACHED: "attached",
    EffectKind.PUBLICATIONS_ADDED: "publications",
    EffectKind.PUBLICATIONS_DROPPED: "publications",
}
_OIDS = ("relation", "table", "parent_oid", "child_oid", "index", "oid")
_OID = range(1 << 32)


class Outcome(Enum):
    """The outcome of a statement."""

    DONE = "it happened"
    RETRY = "it did not happen"
    IN_DOUBT = "its outcome cannot be determined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a statement and the reason.

    `first` is SQL that must run before it, for leftovers; `instead` is SQL that must run in its place.
    """

    outcome: Outcome
    reason: str
    first: tuple[str, ...] = ()
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The step that was sent last, as its file has it.

    Its statement, and what earlier steps had set in their session.
    """

    statement: Statement
    settings: tuple[Statement, ...] = ()


def view_of(text: str | None, effect: Effect) -> dict[str, Any] | None:
    """Return what the journal kept of the catalog before a statement.

    None if that is nothing, or has another form.

    Any role that may write the journal may have written it: without a view that can be used, the statement is in doubt.
    """
    try:
        seen = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return seen if isinstance(seen, dict) and _is_view(seen, effect) else None


def _is_view(seen: CatalogView, effect: Effect) -> bool:
    needed = _NEEDED.get(effect.kind, "there")
    found = seen.get(needed)
    if needed in {"indexes", "leftovers"}:
        fits = isinstance(found, list) and all(isinstance(each, dict) and _is_oid(each.get("oid")) for each in found)
    elif needed == "publications":
        fits = isinstance(found, list) and all(isinstance(each, str) for each in found)
    else:
        fits = isinstance(found, bool)
    names = (seen.get("role"), seen.get("owner"))
    return (
        fits
        and all(seen.get(key) is None or _is_oid(seen[key]) for key in _OIDS)
        and all(each is None or isinstance(each, str) for each in names)
    )


def _is_oid(value: object) -> bool:
    return type(value) is int and value in _OID


def as_begun(effect: Effect) -> CatalogView | None:
    """Return what the catalog must have said before a statement that could begin.

    None if that is not enough to judge.

    It is used for a history that came with a dump: what was seen before has the OIDs of another database.
    """
    if effect.kind is EffectKind.INDEX_CREATED and effect.name is None:
        return None
    added = effect.kind is EffectKind.PUBLICATIONS_ADDED
    return {
        "indexes": [],
        "leftovers": [],
        "attached": True,
        "there": effect.kind not in _CREATED,
        "publications": [] if added else list(effect.names),
    }


def judge(effect: Effect, before: CatalogView | None, now: CatalogView) -> Verdict:
    """Return the verdict over what the catalog said before the statement was sent, and what it says now.

    Args:
        effect: What the statement does.
        before: The catalog before it, as `view_of` or `as_begun` return it; None if that is not known.
        now: The catalog now, with the same keys and those of the effect.
    """
    if effect.kind is EffectKind.REPEATABLE:
        return Verdict(Outcome.RETRY, "it is safe to repeat")
    if effect.kind is EffectKind.UNKNOWN or before is None:
        return Verdict(Outcome.IN_DOUBT, "the catalog does not show what such a statement has done")
    if effect.kind is EffectKind.INDEX_CREATED:
        return _judge_index(effect, before, now)
    if effect.kind is EffectKind.REINDEXED:
        return _judge_reindex(before, now)
    if effect.kind is EffectKind.PARTITION_DETACHED:
        return _judge_detach(before, now)
    if effect.kind in {EffectKind.PUBLICATIONS_ADDED, EffectKind.PUBLICATIONS_DROPPED}:
        return _judge_publications(effect, before, now)
    if effect.kind is EffectKind.INDEX_DROPPED:
        return _judge_index_drop(effect, before, now)
    return _judge_presence(effect, before, now)


def _judge_index_drop(effect: Effect, before: CatalogView, now: CatalogView) -> Verdict:
    """Judge the drop of an index.

    One that the statement has made invalid serves no query, so its drop is completed.
    """
    if now["there"] and not now["valid"] and before["there"] and before.get("valid", True):
        drop = f"DROP INDEX CONCURRENTLY IF EXISTS {now['identity']}"
        return Verdict(Outcome.DONE, f"the index {now['identity']} was invalid already: it is dropped", first=(drop,))
    return _judge_presence(effect, before, now)


def _judge_index(effect: Effect, before: CatalogView, now: CatalogView) -> Verdict:
    """Judge by the index of that name, else by the only new one, if it is as the statement says."""
    known = {index["oid"] for index in before["indexes"]}
    fresh = [index for index in now["indexes"] if index["oid"] not in known]
    if effect.name:
        fresh = [index for index in fresh if index["name"] == effect.name]
    others = [index for index in fresh if index["same"] is False]
    fresh = [index for index in fresh if index["same"] is not False]
    if not fresh and others and effect.name:
        return Verdict(Outcome.RETRY, f"another index has its name, which it did not make: {others[0]['definition']}")
    if not fresh:
        return Verdict(Outcome.RETRY, "the index is not there")
    if len(fresh) > 1:
        return Verdict(Outcome.IN_DOUBT, f"{len(fresh)} indexes have appeared on the table since")
    (index,) = fresh
    if index["same"] is None:
        return Verdict(
            Outcome.IN_DOUBT, f"it cannot be determined whether it made the index that is there: {index['definition']}"
        )
    if index["valid"]:
        return Verdict(Outcome.DONE, f"the index {index['identity']} is there and valid")
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {index['identity']}"
    return Verdict(Outcome.RETRY, f"the index {index['identity']} is there, but invalid", first=(drop,))


def _judge_reindex(before: CatalogView, now: CatalogView) -> Verdict:
    """Judge a REINDEX: it is repeated once the indexes that it left (`_ccnew`, `_ccold`) are dropped."""
    known = {index["oid"] for index in before["leftovers"]}
    left = [index["identity"] for index in now["leftovers"] if index["oid"] not in known]
    drops = tuple(f"DROP INDEX CONCURRENTLY IF EXISTS {identity}" for identity in left)
    return Verdict(
        Outcome.RETRY, "it is safe to repeat" + (f"; it left {', '.join(left)}" if left else ""), first=drops
    )


def _judge_detach(before: CatalogView, now: CatalogView) -> Verdict:
    if not before["attached"]:
        return Verdict(Outcome.RETRY, "it was no partition before")
    if not now["attached"]:
        return Verdict(Outcome.DONE, "it is not a partition any more")
    if not now["pending"]:
        return Verdict(Outcome.RETRY, "it is still a partition")
    finalize = f"ALTER TABLE {now['parent']} DETACH PARTITION {now['child']} FINALIZE"
    return Verdict(Outcome.RETRY, "the detach is pending", instead=finalize)


def _judge_publications(effect: Effect, before: CatalogView, now: CatalogView) -> Verdict:
    was, is_now, wanted = set(before["publications"]), set(now["publications"]), set(effect.names)
    added = effect.kind is EffectKind.PUBLICATIONS_ADDED
    done = wanted <= is_now and not wanted & was if added else not wanted & is_now and wanted <= was
    return Verdict(
        Outcome.DONE if done else Outcome.RETRY, f"the subscription has {', '.join(sorted(is_now)) or 'none'}"
    )


def _judge_presence(effect: Effect, before: CatalogView, now: CatalogView) -> Verdict:
    """Judge what was created or dropped by whether it is there now and was there before.

    An object that somebody else has made since under the same name has another OID, owner or publications.
    """
    was, is_now = bool(before["there"]), bool(now["there"])
    if effect.kind not in _CREATED:
        oid = before.get("oid")
        gone = was and (not is_now or (oid is not None and now.get("oid") not in {None, oid}))
        reason = "it is there" if is_now and not gone else "it is not there"
        if gone and is_now:
            reason = "it is gone, and another of its name is there"
        return Verdict(Outcome.DONE if gone else Outcome.RETRY, reason)
    if not is_now or was:
        return Verdict(Outcome.RETRY, "it is there" if is_now else "it is not there")
    owner = effect.owner or before.get("role")
    if owner and now.get("owner") not in {None, owner}:
        return Verdict(Outcome.RETRY, f"another of its name is there, which belongs to {now['owner']}")
    if effect.names and set(effect.names) != set(now["publications"]):
        return Verdict(Outcome.RETRY, "another of its name is there, with other publications")
    return Verdict(Outcome.DONE, "it is there")
