"""The rules of lint, as data: how much each matters, and what makes a finding true.

The names are squawk's where a rule means the same. Rules of squawk that are missing here are new: they give notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from fsapi_nb.model.finding import FindingLevel
from fsapi_nb.model.forecast import WorkKind


class Concern(Enum):
    """What a rule is about, which decides when its finding is left out."""

    WORK = "work that takes the longer the more rows there are: true if the forecast has such work; folded if few"
    LOCK = "a lock that keeps others waiting: folded on small tables"
    DATA = "data that is lost, or a statement that fails on some data: also on small tables"
    CLIENTS = "programs that use what is changed: also on small tables"
    DESIGN = "how something is made, which is not changed easily later: also of what the same file makes"
    STYLE = "how new tables should be made: true for tables that the same file makes, and for no others"


class Rule(NamedTuple):
    """How much a rule matters, what it is about, and the `work` of which there must be some if it is about work."""

    level: FindingLevel
    concern: Concern
    work: frozenset[WorkKind] = frozenset()


def _work(level: FindingLevel, *kinds: WorkKind) -> Rule:
    return Rule(level, Concern.WORK, frozenset(kinds))


_BREAKS = Rule(FindingLevel.WARN, Concern.CLIENTS)
_BLOCKS = Rule(FindingLevel.WARN, Concern.LOCK)
_DESTROYS = Rule(FindingLevel.STOP, Concern.DATA)
_STYLE = Rule(FindingLevel.NOTE, Concern.STYLE)
_DESIGN = Rule(FindingLevel.NOTE, Concern.DESIGN)

#: Rules that are moot here: every step has a lock timeout and is retried, commits with its row of the history or not at
#: all, and is cut where PostgreSQL refuses a transaction. Files are parsed before by PostgreSQL's own parser.
MOOT = frozenset(
    {
        "ban-concurrent-index-creation-in-transaction",
        "ban-uncommitted-transaction",
        "prefer-robust-stmts",
        "require-enum-value-ordering",
        "require-lock-timeout",
        "require-statement-timeout",
        "require-timeout-settings",
        "syntax-error",
        "transaction-nesting",
        "unused-ignore",
    }
)

#: Rules for which there are findings without squawk, too.
OWN_RULES: Mapping[str, Rule] = {
    "adding-field-with-default": _work(FindingLevel.STOP, WorkKind.REWRITE),
    "adding-foreign-key-constraint": _work(FindingLevel.STOP, WorkKind.SCAN),
    "adding-not-nullable-field": _work(FindingLevel.STOP, WorkKind.SCAN),
    "adding-required-field": _DESTROYS,
    "adding-serial-primary-key-field": _work(FindingLevel.STOP, WorkKind.INDEX, WorkKind.SCAN),
    "adding-trigger": _BLOCKS,
    "attaching-partition": _work(FindingLevel.STOP, WorkKind.SCAN, WorkKind.INDEX),
    "ban-drop-column": _DESTROYS,
    "ban-drop-table": _DESTROYS,
    "changing-column-type": _work(FindingLevel.STOP, WorkKind.REWRITE, WorkKind.SCAN, WorkKind.INDEX),
    "constraint-missing-not-valid": _work(FindingLevel.STOP, WorkKind.SCAN, WorkKind.INDEX),
    "delete-without-where": _DESTROYS,
    "disallowed-unique-constraint": _work(FindingLevel.STOP, WorkKind.INDEX),
    "dropping-locks-other-tables": _BLOCKS,
    "foreign-key-without-index": Rule(FindingLevel.NOTE, Concern.DESIGN),
    "locking-table": _BLOCKS,
    "prefer-repack": _work(FindingLevel.STOP, WorkKind.REWRITE),
    "renaming-column": _BREAKS,
    "renaming-table": _BREAKS,
    "require-concurrent-index-creation": _work(FindingLevel.STOP, WorkKind.INDEX),
    "require-concurrent-refresh": _BLOCKS,
    "require-concurrent-reindex": _work(FindingLevel.STOP, WorkKind.INDEX),
    "rewriting-table": _work(FindingLevel.STOP, WorkKind.REWRITE),
    "truncating-table": _DESTROYS,
    "update-without-where": _work(FindingLevel.WARN, WorkKind.ROWS),
    "working-under-lock": _work(FindingLevel.WARN, *WorkKind),
}
#: Rules that squawk alone knows.
SQUAWK_RULES: Mapping[str, Rule] = {
    "ban-add-column": _BREAKS,
    "ban-add-composite-attribute": _BREAKS,
    "ban-add-enum-value": _BREAKS,
    "ban-alter-database-options": _BREAKS,
    "ban-alter-domain-with-add-constraint": _BLOCKS,
    "ban-alter-extension": _BREAKS,
    "ban-alter-function-options": _BREAKS,
    "ban-alter-generated-expression": _BREAKS,
    "ban-alter-identity": _BREAKS,
    "ban-alter-policy-condition": _BREAKS,
    "ban-alter-policy-roles": _BREAKS,
    "ban-alter-role-options": _BREAKS,
    "ban-alter-row-level-security": _BREAKS,
    "ban-alter-sequence-values": _BREAKS,
    "ban-alter-system-options": _BREAKS,
    "ban-alter-view-options": _BREAKS,
    "ban-char-field": _STYLE,
    "ban-create-domain-with-constraint": _DESIGN,
    "ban-create-policy": _BREAKS,
    "ban-detach-inheritance": _BREAKS,
    "ban-disable-trigger": _BREAKS,
    "ban-drop-constraint": _BREAKS,
    "ban-drop-database": _DESTROYS,
    "ban-drop-default": _BREAKS,
    "ban-drop-domain": _BREAKS,
    "ban-drop-extension": _BREAKS,
    "ban-drop-function": _BREAKS,
    "ban-drop-generated-expression": _BREAKS,
    "ban-drop-index": _BREAKS,
    "ban-drop-not-null": _BREAKS,
    "ban-drop-policy": _BREAKS,
    "ban-drop-schema": _DESTROYS,
    "ban-drop-sequence": _BREAKS,
    "ban-drop-trigger": _BREAKS,
    "ban-drop-type": _BREAKS,
    "ban-drop-view": _BREAKS,
    "ban-duplicate-column-assignments": Rule(FindingLevel.STOP, Concern.DESIGN),
    "ban-new-write-restriction": _BREAKS,
    "ban-replace-view-function": _BREAKS,
    "ban-replica-identity": _BREAKS,
    "ban-revoke": _BREAKS,
    "ban-set-default": _BREAKS,
    "ban-set-schema": _BREAKS,
    "ban-truncate-cascade": _DESTROYS,
    "identifier-too-long": Rule(FindingLevel.WARN, Concern.DESIGN),
    "prefer-big-int": _STYLE,
    "prefer-bigint-over-int": _STYLE,
    "prefer-bigint-over-smallint": _STYLE,
    "prefer-identity": _STYLE,
    "prefer-text-field": _STYLE,
    "prefer-timestamp-tz": _STYLE,
    "renaming-object": _BREAKS,
    "require-concurrent-index-deletion": _BLOCKS,
    "require-concurrent-partition-detach": _BLOCKS,
    "require-table-schema": _STYLE,
}
NAMES = frozenset({*OWN_RULES, *SQUAWK_RULES, *MOOT})


def rule_of(name: str) -> Rule:
    """Return the rule of that name; one that is not known gives notes."""
    return OWN_RULES.get(name) or SQUAWK_RULES.get(name) or _DESIGN
