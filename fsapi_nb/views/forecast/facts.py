"""What a forecast says, as JSON: every fact of every statement, times as ranges in seconds beside their class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fsapi_nb.model.forecast import (
    DataLoss,
    Forecast,
    PartForecast,
    Span,
    StatementForecast,
    StepForecast,
    TableBlock,
    TableSize,
    TableWork,
)
from fsapi_nb.model.plan import Step, StepPart
from fsapi_nb.views.forecast.quantities import span_words


def forecast_json(steps: Sequence[Step], forecast: Forecast) -> dict[str, Any]:
    """Return the steps of a plan with what they will do, and what is known of the tables."""
    return {
        "tables": {name: _size(size) for name, size in forecast.sizes.items()},
        "lost_by_drops": [_loss(each) for each in forecast.drops],
        "not_known": list(forecast.notes),
        "steps": [_step(*each) for each in zip(steps, forecast.steps, strict=True)],
    }


def _step(step: Step, expected: StepForecast) -> dict[str, Any]:
    return {
        "mode": step.mode.value,
        "reason": step.reason,
        "parts": [_part(*each) for each in zip(step.parts, expected.parts, strict=True)],
        "held": [
            {"table": held.table, "blocks": held.blocks.value, "line": held.line, "takes": _span(held.span)}
            for held in expected.held
        ],
    }


def _part(part: StepPart, expected: PartForecast) -> dict[str, Any]:
    return {
        "migration": part.migration.name,
        "direction": part.direction.value,
        "irreversible": expected.irreversible,
        "step": part.number + 1,
        "steps": part.of,
        "statements": [_statement(each) for each in expected.statements],
        "checks": [{"line": c.statement.line, "title": c.title} for c in part.checks],
    }


def _statement(found: StatementForecast) -> dict[str, Any]:
    return {
        "line": found.line,
        "kind": found.kind,
        "does": list(found.words),
        "sql": found.sql,
        "loses": [_loss(each) for each in found.losses],
        "locks": [_lock(each) for each in found.locks],
        "work": [_work(each) for each in found.work],
        "takes": _span(found.span),
        "unknown": found.unknown,
    }


def _loss(found: DataLoss) -> dict[str, Any]:
    return {
        "kind": found.loss.kind.value,
        "name": found.loss.name,
        "what": found.loss.words,
        "rows": found.rows.rows if found.rows else None,
        "copied_to": list(found.loss.copied_to),
        "partly": found.loss.partly,
        "made_again": found.remade,
    }


def _lock(found: TableBlock) -> dict[str, Any]:
    return {
        "table": found.table,
        "partitions": found.partitions,
        "mode": found.mode.name.replace("_", " "),
        "blocks": found.blocks.value,
        "condition": found.condition,
    }


def _work(found: TableWork) -> dict[str, Any]:
    return {
        "does": found.kind.value,
        "table": found.table,
        "partitions": found.partitions,
        "takes": _span(found.span),
        "condition": found.condition,
    }


def _span(span: Span | None) -> dict[str, Any] | None:
    return None if span is None else {"class": span_words(span), "seconds": [span.low, span.high]}


def _size(size: TableSize) -> dict[str, Any]:
    return {"rows": size.rows, "bytes": size.size, "exact": size.exact}
