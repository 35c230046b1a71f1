"""The results of the verbs: frozen values with a text, an HTML, a JSON and a DataFrame form.

Text and HTML are the same for the same outcome: they have no times, durations, paths or addresses, so that a stored
notebook stays equal. Times are attributes, columns of the DataFrame and metadata of the notebook's output, and a
terminal shows them (`lines(times=True)`), and a notebook that asks for them (`bundle(times=True)`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsapi_nb.views.results.base import Result
    from fsapi_nb.views.results.baseline import BaselineResult
    from fsapi_nb.views.results.blockers import BlockersResult
    from fsapi_nb.views.results.catalog_list import CatalogListResult
    from fsapi_nb.views.results.change_file import ChangeFileResult
    from fsapi_nb.views.results.changes import ChangesResult
    from fsapi_nb.views.results.check import CheckResult
    from fsapi_nb.views.results.diagram import DiagramResult
    from fsapi_nb.views.results.difference import DifferenceResult, DriftResult
    from fsapi_nb.views.results.down import DownResult
    from fsapi_nb.views.results.file import FileResult
    from fsapi_nb.views.results.history import HistoryResult
    from fsapi_nb.views.results.init import InitResult
    from fsapi_nb.views.results.lint import LintResult
    from fsapi_nb.views.results.migration import MigrationResult
    from fsapi_nb.views.results.notices import NoticesResult
    from fsapi_nb.views.results.plan import PlanResult
    from fsapi_nb.views.results.plan_sql import PlanScriptResult
    from fsapi_nb.views.results.profile import ProfileResult
    from fsapi_nb.views.results.query import QueryResult
    from fsapi_nb.views.results.query_plan import QueryPlanResult
    from fsapi_nb.views.results.run import RepairResult, RunResult
    from fsapi_nb.views.results.schema import SchemaResult
    from fsapi_nb.views.results.schema_file import SchemaFileResult
    from fsapi_nb.views.results.schema_page import ObjectResult
    from fsapi_nb.views.results.status import StatusResult
    from fsapi_nb.views.results.timeline import ScaledTimelineResult, TimelineResult
    from fsapi_nb.views.results.trust import TrustResult
    from fsapi_nb.views.results.unused import UnusedResult

__all__ = [
    "BaselineResult",
    "BlockersResult",
    "CatalogListResult",
    "ChangeFileResult",
    "ChangesResult",
    "CheckResult",
    "DiagramResult",
    "DifferenceResult",
    "DownResult",
    "DriftResult",
    "FileResult",
    "HistoryResult",
    "InitResult",
    "LintResult",
    "MigrationResult",
    "NoticesResult",
    "ObjectResult",
    "PlanResult",
    "PlanScriptResult",
    "ProfileResult",
    "QueryPlanResult",
    "QueryResult",
    "RepairResult",
    "Result",
    "RunResult",
    "ScaledTimelineResult",
    "SchemaFileResult",
    "SchemaResult",
    "StatusResult",
    "TimelineResult",
    "TrustResult",
    "UnusedResult",
]

#: The module of each: a verb needs one of them, and a diagram's layout takes longer to import than a run that does
#: nothing.
_MODULES = {
    "Result": "base",
    "BaselineResult": "baseline",
    "BlockersResult": "blockers",
    "CatalogListResult": "catalog_list",
    "ChangeFileResult": "change_file",
    "ChangesResult": "changes",
    "CheckResult": "check",
    "DiagramResult": "diagram",
    "DifferenceResult": "difference",
    "DriftResult": "difference",
    "DownResult": "down",
    "FileResult": "file",
    "HistoryResult": "history",
    "InitResult": "init",
    "LintResult": "lint",
    "MigrationResult": "migration",
    "NoticesResult": "notices",
    "PlanResult": "plan",
    "PlanScriptResult": "plan_sql",
    "ProfileResult": "profile",
    "QueryResult": "query",
    "QueryPlanResult": "query_plan",
    "RepairResult": "run",
    "RunResult": "run",
    "SchemaFileResult": "schema_file",
    "SchemaResult": "schema",
    "ObjectResult": "schema_page",
    "StatusResult": "status",
    "ScaledTimelineResult": "timeline",
    "TimelineResult": "timeline",
    "TrustResult": "trust",
    "UnusedResult": "unused",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
