"""Write settings in the form of pyproject.toml."""

from __future__ import annotations

import json
from collections.abc import Sequence


def written_setting(name: str, value: str | Sequence[str]) -> str:
    """Return the line of a setting whose value is a text or a list of texts."""
    # A basic string of TOML has the escapes of JSON's strings, and lets DEL not be written as it is, which JSON does.
    return f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", r"\u007f")
