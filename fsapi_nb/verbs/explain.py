"""Show the plan of a statement; run it only if that is asked for, in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.errors import UNCHANGED, ConfirmationRequired, QueryFailed, revise
from fsapi_nb.postgres.notices import listening
from fsapi_nb.query.plans import may_only_read, read_plans
from fsapi_nb.query.query import secret_values
from fsapi_nb.text.command import Advice, Option
from fsapi_nb.text.masking import hiding
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results

_TAKEN = (
    "the statement was run, and rolled back: what it took from sequences stays taken, and what its functions and "
    "triggers did outside of the database stays done"
)


def explain(
    options: VerbOptions, sql: str, parameters: Sequence[object], *, analyze: bool, yes: bool
) -> results.QueryPlanResult:
    """Return the plan of one statement. With `analyze` it is run.

    A query is run in a transaction that may only read, unless `yes`. Another statement is run in one that may write,
    on a protected database only with `yes`.
    """
    reads = may_only_read(sql)
    with (
        open_store(options, writing=False) as store,
        listening(store.session.connection()) as notices,
        hiding(secret_values(sql, parameters)),
    ):
        if analyze and not reads and store.identity.protected and not yes:
            raise ConfirmationRequired(
                "this database is protected, and --analyze would run a statement that writes",
                state=UNCHANGED,
                hint=Advice(
                    "to run it, and roll it back, add ", Option("--yes", ()), "; without --analyze its plan is shown."
                ),
            )
        read_only = not analyze or (reads and not yes)
        try:
            plans = read_plans(store.session.connection(), sql, parameters, run=analyze, read_only=read_only)
        except QueryFailed as error:
            hint = error.hint
            if error.server.sqlstate == "25006" and read_only:
                hint = Advice(
                    "the query writes; to run it in a transaction that may write, and is rolled back, add ",
                    Option("--yes", ()),
                )
            raise revise(error.with_notices(notices), hint=hint) from error.__cause__
        notes = (_TAKEN,) if analyze and not read_only else ()
        return results.QueryPlanResult(plans, store.identity, notes, tuple(notices))
