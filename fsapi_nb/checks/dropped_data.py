"""What to say of a DROP that takes data away: less if the script has put the data elsewhere before. Pure."""

from __future__ import annotations

from fsapi_nb.checks.suspicion import Subject, Suspicion
from fsapi_nb.model.finding import FindingLevel

_STOP_USING = "let programs stop using it first"


def dropped_table(subject: Subject, table: str) -> Suspicion:
    """Return what to say of a table that is dropped."""
    return _dropped(subject, Suspicion("ban-drop-table", f"the table {table}", None, table), table, "rows")


def dropped_column(subject: Subject, table: str, column: str, name: str) -> Suspicion:
    """Return what to say of a column that is dropped; `name` is its name as SQL writes it, with that of its table."""
    return _dropped(subject, Suspicion("ban-drop-column", f"the column {name}", None, table, column), name, "values")


def _dropped(subject: Subject, about: Suspicion, name: str, data: str) -> Suspicion:
    """Return the suspicion, whose message is only what is dropped, with what that means."""
    kept = [place for loss in subject.forecast.losses if loss.loss.name == name for place in loss.loss.copied_to]
    if kept:
        message = f"programs that use {about.message} fail; its {data} were copied to {', '.join(kept)} before"
        return about._replace(message=message, help=f"{_STOP_USING}.", level=FindingLevel.WARN)
    message = f"{about.message} is lost with its {data}, and programs that use it fail"
    return about._replace(message=message, help=f"{_STOP_USING}, and keep the {data} elsewhere if they may be needed.")
