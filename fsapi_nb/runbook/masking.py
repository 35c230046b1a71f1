"""Takes secret values out of everything that is kept of a run: text, errors, whole notebooks. Knows no files.

A value is found as it is, and as Python, JSON, HTML and URLs write it; also between the colours of a traceback.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

STARS = "***"
#: A shorter value would star half of a notebook, and be guessed from what is left.
SHORTEST = 4
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Mask:
    """Secret values, and what they are replaced with. Its repr shows none of them."""

    def __init__(self, secrets: Iterable[object] = ()) -> None:
        values = {str(secret) for secret in secrets if len(str(secret)) >= SHORTEST}
        self._values = frozenset(values)
        forms = {form for value in values for form in _forms(value)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __repr__(self) -> str:
        return f"Mask({STARS})"

    def text(self, text: str) -> str:
        """The text without the secrets; one that stands between colours takes these with it."""
        if self._pattern is None:
            return text
        masked = self._pattern.sub(STARS, text)
        plain = _COLOUR.sub("", masked)
        return self._pattern.sub(STARS, plain) if self._pattern.search(plain) else masked

    def cell(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        """A notebook's cell as a new one without the secrets; what makes it a cell stays as it is."""
        masked = dict(cell) | {"source": self.text(cell["source"]), "metadata": self.document(cell["metadata"])}
        if "attachments" in cell:
            masked["attachments"] = self.document(cell["attachments"])
        if "outputs" in cell:
            masked["outputs"] = [self._output(output) for output in cell["outputs"]]
        return masked

    def _output(self, output: Mapping[str, Any]) -> dict[str, Any]:
        masked = dict(output)
        for name in ("text", "ename", "evalue", "traceback", "metadata"):
            if name in output:
                masked[name] = self.document(output[name])
        if "data" in output:
            masked["data"] = {kind: self.document(value) for kind, value in output["data"].items()}
        return masked

    def document(self, value: Any) -> Any:
        """A document of dicts, lists and texts as a new one without the secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.document(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(each) for each in value]
        secret = isinstance(value, int | float) and not isinstance(value, bool) and str(value) in self._values
        return STARS if secret else value


def _forms(value: str) -> set[str]:
    """How a value may be written."""
    written = {value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    written |= {html.escape(value), html.escape(value, quote=False), quote(value), quote(value, safe="")}
    written |= {
        value.replace("\\", "\\\\").replace("'", "\\'"),
        quote_plus(value),
        value.replace("'", "''"),
        *(line for line in value.splitlines()),
    }
    written |= {html.escape(form) for form in set(written)}
    return {form for form in written if len(form) >= SHORTEST}
