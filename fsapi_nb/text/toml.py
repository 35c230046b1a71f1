"""Write settings as pyproject.toml has them."""

from __future__ import annotations

import json
from collections.abc import Sequence


def written_setting(name: str, value: str | Sequence[str]) -> str:
    """Return the line of a setting, its value as a basic string of TOML, or a list of them."""
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"
