"""Read the settings of lint: `[tool.fsapi_nb.lint]`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fsapi_nb.checks.rules import MOOT, NAMES, Rule, rule_of
from fsapi_nb.errors import ConfigurationError
from fsapi_nb.model.finding import FindingLevel

#: Rows up to which a table is small, unless the settings say otherwise.
SMALL = 10_000


@dataclass(frozen=True, slots=True)
class LintSettings:
    """Rules that are `off`, those that `stop` whatever their own level is, and the rows of a table that is `small`."""

    off: frozenset[str] = frozenset()
    stop: frozenset[str] = frozenset()
    small: int = SMALL

    def rule(self, name: str) -> Rule | None:
        """Return the rule of that name, with the level that it has here; None if it is off."""
        if name in self.off or (name in MOOT and name not in self.stop):
            return None
        rule = rule_of(name)
        return rule._replace(level=FindingLevel.STOP) if name in self.stop else rule


def lint_settings(table: Mapping[str, Any]) -> LintSettings:
    """Return the settings of a project's table. Raises ConfigurationError if a name in it is not a rule's."""
    found = table.get("lint", {})
    for key in ("off", "stop"):
        for name in found.get(key, ()):
            if name not in NAMES:
                near = difflib.get_close_matches(name, NAMES, n=1)
                hint = f"did you mean {near[0]}?" if near else "each finding names its rule."
                raise ConfigurationError(
                    f"{key} of [tool.fsapi_nb.lint] names {name!r}, which is not a rule", hint=hint
                )
    both = sorted({*found.get("off", ())} & {*found.get("stop", ())})
    if both:
        message = f"off and stop of [tool.fsapi_nb.lint] both name {both[0]}"
        raise ConfigurationError(message, hint="keep it in one of the two.")
    settings = LintSettings(frozenset(found.get("off", ())), frozenset(found.get("stop", ())))
    return replace(settings, small=found["small"]) if "small" in found else settings
