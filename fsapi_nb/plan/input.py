"""Hold what every plan is made over: the files, the history and the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, StoredScripts
from fsapi_nb.model.migration import Direction, Procedure
from fsapi_nb.plan.reconcile import Reconciled, reconcile
from fsapi_nb.script.encoding import Encoding


@dataclass(frozen=True)
class PlanInput:
    """The input of a plan: the files, the history, and the rules of this database and this run.

    `stored` has the text that ran of the applied migrations that a plan may need, by name. `settled` are the migrations
    that became complete just now, when the run looked at what an earlier one had left in flight: they count as part of
    this run, so that finishing an interrupted rollback rolls nothing else back. `encoding` is the database's, if it
    does not hold every character.

    Two functions ask the database, and only if a plan needs it. `look_at_procedures` returns its procedures; it is
    called once at most, if a script calls one. `look_at_session` returns what a new session begins with of the settings
    that are set, or that have these names; it is called if a migration goes on.
    """

    folder: Folder
    history: History
    stored: Mapping[str, StoredScripts] = field(default_factory=dict)
    protected: bool = False
    out_of_order: bool = False
    allow_unparsed: bool = False
    encoding: Encoding | None = None
    settled: tuple[tuple[str, Direction], ...] = ()
    look_at_procedures: Callable[[], Iterable[Procedure]] = tuple
    look_at_session: Callable[[Iterable[str]], Mapping[str, str]] = lambda _names: {}

    @cached_property
    def standing(self) -> Reconciled:
        """The state of each migration, by the files and the history."""
        return reconcile(self.folder, self.history)

    @cached_property
    def _procedures(self) -> tuple[Procedure, ...]:
        waiting = (status.migration for status in self.standing.needs_attention if status.entry is None)
        statements = (statement for each in waiting if each for statement in each.up.parsed.statements)
        defined = (statement.traits.procedure for statement in statements)
        return (*(each for each in defined if each and each.name), *self.look_at_procedures())

    def procedures(self) -> tuple[Procedure, ...]:
        """Return the procedures that the database has, or will have once all pending migrations are applied."""
        return self._procedures

    def settled_in(self, direction: Direction) -> int:
        """Return how many migrations became complete in that direction just now."""
        return sum(1 for _, each in self.settled if each is direction)
