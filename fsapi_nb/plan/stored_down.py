"""Decide which DOWN may run for an applied migration: that of its file, or the stored one.

A role that may update the table of scripts could give a migration another DOWN. So the file is used if the journal,
which is another table, says that it is what ran; and a stored DOWN is shown before it runs, with who stored it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fsapi_nb.errors import UNCHANGED, RefusedPlan
from fsapi_nb.model.history import HistoryEntry, StoredScripts
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import Plan
from fsapi_nb.script.redact import redact_sql
from fsapi_nb.script.stored_text import kept_digest
from fsapi_nb.text.command import Advice, command

_MOST = 40  # lines of a DOWN that are shown


def is_journalled(file: Migration | None, stored: StoredScripts | None) -> bool:
    """Return whether the journal says that this file is what ran, whatever is stored of it."""
    return file is not None and stored is not None and stored.journalled == file.checksum


def refuse_altered(entry: HistoryEntry, stored: StoredScripts) -> None:
    """Raise RefusedPlan if the stored checksum or text is not the one that the journal says was stored."""
    if stored.journalled is not None and stored.journalled != entry.checksum:
        raise _altered(entry.name, "another checksum", str(entry.checksum), stored.journalled)
    if stored.kept is not None and stored.kept != (now := kept_digest(stored)):
        raise _altered(entry.name, "the digest of another text", now, stored.kept)


def _altered(name: str, what: str, stored: str, journal: str) -> RefusedPlan:
    return RefusedPlan(
        f"the scripts that are stored of {name} are not those that ran: the journal has {what} of them",
        details=(f"  stored:    {stored}", f"  journal:   {journal}"),
        state=UNCHANGED,
        hint=Advice(
            "bring the file of that checksum back: its DOWN runs then; or accept another one with ",
            command("repair", name),
            ".",
        ),
    )


def stored_downs(plan: Plan, known: Mapping[str, StoredScripts], tables: tuple[str, str, str]) -> Iterator[str]:
    """Yield the text of each stored DOWN of the plan, and who stored it; `tables` as SQL writes them."""
    _, scripts, journal = tables
    parts = (part for step in plan.steps for part in step.parts)
    for name in dict.fromkeys(p.migration.name for p in parts if p.direction is Direction.DOWN and p.migration.stored):
        stored = known.get(name, StoredScripts())
        who = (
            f"stored by {stored.by} at {stored.at:%Y-%m-%d %H:%M:%S} UTC, says {journal}"
            if stored.at
            else "by whom is not known"
        )
        lines = redact_sql(stored.down or "").strip().splitlines()  # an older release may have stored a secret
        said = "\n    ".join([f"the DOWN of {name} is the one of {scripts} ({who}):", *lines[:_MOST]])
        if len(lines) <= _MOST:
            yield said
        else:
            more = f"\n    … {len(lines) - _MOST} lines more: "
            yield Advice(said, more, command("show", name), " has all of them")
