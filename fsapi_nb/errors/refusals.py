"""Define the refusals of a plan: the scripts are sound, but running them would be wrong."""

from __future__ import annotations

from fsapi_nb.errors.base import FsapiError


class RefusedPlan(FsapiError):
    """The scripts are sound, but running them would be wrong here.

    What to do: the message says what it would take; nothing has run.
    """


class Drifted(RefusedPlan):
    """Files of applied migrations were edited after they ran.

    What to do: put the file back as it was and write a new migration; or `repair` it, if the edit changes nothing.
    """


class OutOfOrder(RefusedPlan):
    """A pending file sorts before one that is applied, and this database does not take that unasked.

    What to do: rename the file so that it sorts last, or say `--out-of-order`.
    """


class Irreversible(RefusedPlan):
    """A migration that is to be rolled back has no DOWN.

    What to do: give it a DOWN below its UP, which stays as it ran, and say `migrate`, which records the DOWN; or write
    a new migration that takes the change back.
    """


class Protected(RefusedPlan):
    """The database is marked protected, and the verb is one that destroys.

    What to do: be sure where you are, and give what the message asks for.
    """


class PartlyApplied(RefusedPlan):
    """A migration of several steps ended half-way, and what is asked for would build on it blindly.

    What to do: run `migrate` again: it goes on where it stopped; or `rollback`, which undoes what was done.
    """


class InDoubt(PartlyApplied):
    """A statement outside of a transaction was sent, and its outcome cannot be determined.

    What to do: look with the query that is shown, then say `resolve NAME` with `--done`, `--retry` or `--undo`.
    """


class RanBefore(RefusedPlan):
    """A pending script has run already: under another name, or before its row was retired.

    What to do: say that the file was renamed (`rename OLD NEW`), or restore the row (`retire --undo NAME`).
    """


class PlanChanged(RefusedPlan):
    """The plan that was looked at is not what would run now.

    What to do: look at the plan again, and run that.
    """


class NothingToDo(RefusedPlan):
    """There is nothing applied that could be rolled back or redone.

    What to do: nothing; `status` shows what is applied.
    """
