"""What each verb returns: a frozen value with a text, an HTML, a JSON and a DataFrame form.

Text and HTML are the same for the same outcome: no times, durations, paths or addresses in them, so that a
stored notebook stays equal. Times are attributes, columns of the DataFrame, metadata of the notebook's output,
and are shown on a terminal (`lines(times=True)`).
"""

from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.blockers import BlockersResult
from fsapi_nb.views.results.check import CheckResult
from fsapi_nb.views.results.diagram import DiagramResult
from fsapi_nb.views.results.file import FileResult
from fsapi_nb.views.results.history import HistoryResult
from fsapi_nb.views.results.migration import MigrationResult
from fsapi_nb.views.results.plan import PlanResult
from fsapi_nb.views.results.query import QueryResult
from fsapi_nb.views.results.run import RepairResult, RunResult
from fsapi_nb.views.results.status import StatusResult
from fsapi_nb.views.results.timeline import ScaledTimelineResult, TimelineResult

__all__ = [
    "BlockersResult",
    "CheckResult",
    "DiagramResult",
    "FileResult",
    "HistoryResult",
    "MigrationResult",
    "PlanResult",
    "QueryResult",
    "RepairResult",
    "Result",
    "RunResult",
    "ScaledTimelineResult",
    "StatusResult",
    "TimelineResult",
]
