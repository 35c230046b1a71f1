"""Define every error that users can meet, one class for each fact.

    FsapiError
    ├── UsageError                  the command line or arguments are invalid                    exit 2
    │   ├── ConfirmationRequired    the plan is shown, `--yes` is missing
    │   └── UnknownMigration        no migration of that name
    ├── ConfigurationError          settings that contradict each other or name nothing       exit 2
    │   └── Untrusted               a project asks for what its user has not allowed
    ├── MigrationFileError          one file that cannot be used                              exit 1
    ├── FaultyMigrations            every fault in the scripts that were to run, together
    ├── RefusedPlan                 the scripts are sound, but running them would be wrong
    │   ├── Drifted, OutOfOrder, Irreversible, Protected, PlanChanged, RanBefore
    │   ├── PartlyApplied           a migration of several steps ended half-way
    │   │   └── InDoubt             and the outcome of its last statement cannot be determined
    │   └── NothingToDo             a rollback or redo, and nothing is applied
    ├── DatabaseError               the server, the connection or the place is not as needed
    │   ├── CannotConnect, ReadOnlyDatabase, PooledConnection, EmbeddedServerError
    │   ├── HistoryError            the history tables: missing rights, another tool's table
    │   ├── ReplayFailed            the migrations do not run in an empty scratch database
    │   └── Locked                  another runner is at work
    ├── StatementFailed             PostgreSQL refused a statement of a migration
    ├── TransactionEnded            a script ended the transaction that belongs to the runner
    ├── QueryFailed                 PostgreSQL refused what was given to `query`
    ├── AssertionViolated           a query that must hold gave rows, or something that is not true
    ├── NotUpToDate                 a `--check` found something                               exit 3
    └── NotRestored                 a derived DOWN does not restore the whole catalog         exit 3

    Interrupted (a KeyboardInterrupt) the user stopped the run; it was cancelled on the server  exit 130

An error knows what happened, where, what the database holds and what to do next, and is not changed after it was made
(`revise` makes another one of it). It is a few lines of text, in a notebook too (IPython asks `_render_traceback_`),
and never holds a password.
"""

from __future__ import annotations

from fsapi_nb.errors.base import SHORTENED, UNCHANGED, FsapiError, revise, with_state
from fsapi_nb.errors.database import (
    CannotConnect,
    DatabaseError,
    EmbeddedServerError,
    HistoryError,
    Locked,
    PooledConnection,
    ReadOnlyDatabase,
    ReplayFailed,
)
from fsapi_nb.errors.files import FaultyMigrations, MigrationFileError
from fsapi_nb.errors.refusals import (
    Drifted,
    InDoubt,
    Irreversible,
    NothingToDo,
    OutOfOrder,
    PartlyApplied,
    PlanChanged,
    Protected,
    RanBefore,
    RefusedPlan,
)
from fsapi_nb.errors.run import AssertionViolated, Interrupted, QueryFailed, StatementFailed, TransactionEnded
from fsapi_nb.errors.usage import (
    ConfigurationError,
    ConfirmationRequired,
    NotRestored,
    NotUpToDate,
    UnknownMigration,
    Untrusted,
    UsageError,
)

__all__ = [
    "SHORTENED",
    "UNCHANGED",
    "AssertionViolated",
    "CannotConnect",
    "ConfigurationError",
    "ConfirmationRequired",
    "DatabaseError",
    "Drifted",
    "EmbeddedServerError",
    "FaultyMigrations",
    "FsapiError",
    "HistoryError",
    "InDoubt",
    "Interrupted",
    "Irreversible",
    "Locked",
    "MigrationFileError",
    "NotRestored",
    "NotUpToDate",
    "NothingToDo",
    "OutOfOrder",
    "PartlyApplied",
    "PlanChanged",
    "PooledConnection",
    "Protected",
    "QueryFailed",
    "RanBefore",
    "ReadOnlyDatabase",
    "RefusedPlan",
    "ReplayFailed",
    "StatementFailed",
    "TransactionEnded",
    "UnknownMigration",
    "Untrusted",
    "UsageError",
    "revise",
    "with_state",
]
