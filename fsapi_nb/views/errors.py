"""The results that an error has in it: who blocked, what a check found."""

from __future__ import annotations

from fsapi_nb.errors import AssertionViolated, StatementFailed
from fsapi_nb.views.results.blockers import BlockersResult
from fsapi_nb.views.results.check import CheckResult


def blockers_of(error: StatementFailed) -> BlockersResult | None:
    """Return who blocked the statement; None if no lock was in its way."""
    return BlockersResult(error.blockage, error.attempts, error.identity) if error.blockage else None


def check_of(error: AssertionViolated) -> CheckResult:
    """Return what the check found."""
    return CheckResult(error.title, False, error.found, error.identity, error.notices)
