"""Find the retired rows in the journal, and which migrations stand for them now. Sends nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fsapi_nb.model.history import NAME_BEFORE, RetiredMigration


def fold_retired(rows: Iterable[Sequence[Any]], applied: Collection[str]) -> tuple[RetiredMigration, ...]:
    """Return the retired rows of the journal's events, as `fold_progress` takes them.

    A row does not count any more once it was restored, once everything was dropped, or once its migration was rolled
    back: by its own DOWN, or by that of the migration in its place, unless that one is applied again.
    """
    known = _Known()
    for name, event, state, step, steps, checksum, _, witness, message in rows:
        if event == "fresh":
            known = _Known()
        elif event == "rename":
            known.renamed((message or "").removeprefix(NAME_BEFORE), name)
        elif event == "retire":
            known.retired(name, checksum, witness)
        elif event == "restore":
            known.found.pop(name, None)
        elif event == "down" and state == "done" and step == steps:
            known.found.pop(name, None)
            known.undone.add(name)
    return known.result(set(applied))


@dataclass(slots=True)
class _Known:
    """The retired rows so far, the migration recorded in place of each, and what was undone."""

    found: dict[str, RetiredMigration] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)

    def retired(self, name: str, checksum: str | None, place: str | None) -> None:
        """Note that a row was taken out; `place` is the migration that was recorded instead."""
        self.found[name] = RetiredMigration(name, checksum)
        self.places.pop(name, None)
        if place is not None:
            self.places[name] = place
            self.undone.discard(place)

    def renamed(self, old: str, new: str) -> None:
        """Note that an applied migration has another name now, also in the place of others."""
        self.places = {new if name == old else name: new if to == old else to for name, to in self.places.items()}

    def result(self, applied: Collection[str]) -> tuple[RetiredMigration, ...]:
        """Return the retired rows whose work is not undone, each with what stands for it."""
        undone = self.undone - set(applied)
        chains = {name: self._chain(name) for name in {*self.found, *self.places}}
        return tuple(
            replace(
                each,
                represented_by=next((name for name in chains[each.name] if name in applied), None),
                stands_for=tuple(sorted(name for name, chain in chains.items() if each.name in chain)),
            )
            for each in self.found.values()
            if not undone.intersection(chains[each.name])
        )

    def _chain(self, name: str) -> list[str]:
        """Return the migration that was recorded in its place, the one in the place of that one, and so on."""
        chain: list[str] = []
        while (name := self.places.get(name, "")) and name not in chain:
            chain.append(name)
        return chain
