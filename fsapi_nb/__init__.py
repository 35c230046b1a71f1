"""PostgreSQL migrations in a notebook and a terminal: see what will happen, apply it, prove it, undo it.

`Migrator` is the Python interface, `%load_ext fsapi_nb` the notebook's, `sapi` the terminal's. What is in `__all__` is public:
`Migrator`, the errors that it raises, the events that its observers hear, the results that it returns. Importing this, or
loading the extension, opens no connection, starts no server and imports no pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from fsapi_nb.errors import (
        AssertionViolated,
        CannotConnect,
        ConfigurationError,
        ConfirmationRequired,
        DatabaseError,
        Drifted,
        EmbeddedServerError,
        FaultyMigrations,
        FsapiError,
        HistoryError,
        InDoubt,
        Interrupted,
        Irreversible,
        Locked,
        MigrationFileError,
        NothingToDo,
        NotRestored,
        NotUpToDate,
        OutOfOrder,
        PartlyApplied,
        PlanChanged,
        PooledConnection,
        Protected,
        QueryFailed,
        RanBefore,
        ReadOnlyDatabase,
        RefusedPlan,
        ReplayFailed,
        StatementFailed,
        TransactionEnded,
        UnknownMigration,
        Untrusted,
        UsageError,
    )
    from fsapi_nb.events import (
        Event,
        LockAwaited,
        MigrationFinished,
        NoticeReceived,
        Observer,
        RunFailed,
        RunFinished,
        RunStarted,
        StatementStarted,
        StatementWatched,
        StepFinished,
        StepRetried,
        StepStarted,
    )
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.views.results import (
        BaselineResult,
        BlockersResult,
        CatalogListResult,
        ChangeFileResult,
        ChangesResult,
        CheckResult,
        DiagramResult,
        DifferenceResult,
        DownResult,
        DriftResult,
        FileResult,
        HistoryResult,
        LintResult,
        MigrationResult,
        ObjectResult,
        PlanResult,
        ProfileResult,
        QueryPlanResult,
        QueryResult,
        RepairResult,
        Result,
        RunResult,
        ScaledTimelineResult,
        SchemaFileResult,
        SchemaResult,
        StatusResult,
        TimelineResult,
        TrustResult,
        UnusedResult,
    )

__all__ = [
    "AssertionViolated",
    "BaselineResult",
    "BlockersResult",
    "CannotConnect",
    "CatalogListResult",
    "ChangeFileResult",
    "ChangesResult",
    "CheckResult",
    "ConfigurationError",
    "ConfirmationRequired",
    "DatabaseError",
    "DiagramResult",
    "DifferenceResult",
    "DownResult",
    "DriftResult",
    "Drifted",
    "EmbeddedServerError",
    "Event",
    "FaultyMigrations",
    "FileResult",
    "FsapiError",
    "HistoryError",
    "HistoryResult",
    "InDoubt",
    "Interrupted",
    "Irreversible",
    "LintResult",
    "LockAwaited",
    "Locked",
    "MigrationFileError",
    "MigrationFinished",
    "MigrationResult",
    "Migrator",
    "NotRestored",
    "NotUpToDate",
    "NothingToDo",
    "NoticeReceived",
    "ObjectResult",
    "Observer",
    "OutOfOrder",
    "PartlyApplied",
    "PlanChanged",
    "PlanResult",
    "PooledConnection",
    "ProfileResult",
    "Protected",
    "QueryFailed",
    "QueryPlanResult",
    "QueryResult",
    "RanBefore",
    "ReadOnlyDatabase",
    "RefusedPlan",
    "RepairResult",
    "ReplayFailed",
    "Result",
    "RunFailed",
    "RunFinished",
    "RunResult",
    "RunStarted",
    "ScaledTimelineResult",
    "SchemaFileResult",
    "SchemaResult",
    "StatementFailed",
    "StatementStarted",
    "StatementWatched",
    "StatusResult",
    "StepFinished",
    "StepRetried",
    "StepStarted",
    "TimelineResult",
    "TransactionEnded",
    "TrustResult",
    "UnknownMigration",
    "Untrusted",
    "UnusedResult",
    "UsageError",
    "__version__",
]
__version__ = "0.1.0"
#: Where the public names are. A module is imported when one of its names is first used.
_MODULES = ("errors", "events", "views.results", "migrator")


def __getattr__(name: str) -> Any:
    for module in _MODULES if name in __all__ else ():
        found = getattr(import_module(f"{__name__}.{module}"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext fsapi_nb`: register the magics. Connects to nothing."""
    from fsapi_nb.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext fsapi_nb`: take the magics away, and put back what had their names."""
    from fsapi_nb.notebook.extension import unload

    unload(shell)
