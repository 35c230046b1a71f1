"""Check the settings of a session and of a run: timeouts, the user's own settings, how long to wait."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from fsapi_nb.errors import UsageError
from fsapi_nb.project.configuration import DURATION
from fsapi_nb.text.secrets import Secret, is_secret_variable, revealed

_OWN = "fsapi."  # the prefix of the user's settings


def session_settings(settings: Mapping[str, str], timeouts: Mapping[str, str]) -> dict[str, str]:
    """Return the server's settings for every file: the timeouts, and the user's as `fsapi.NAME`.

    Raises:
        UsageError: A name, a value or a duration is not valid.
    """
    for name, value in settings.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UsageError(f"{name!r} cannot be a setting's name", hint="--set env=dev; letters, digits and _.")
        if re.search(r"[\0\ud800-\udfff]", revealed(value)):  # libpq ends a value at a zero byte
            raise UsageError(f"the value of the setting {name!r} has a character that PostgreSQL does not know")
    for duration in timeouts.values():
        if not DURATION.fullmatch(duration):
            raise UsageError(f"{duration!r} is not a duration", hint="write for example 10s (units: ms, s, min, h).")
    return {**timeouts, **{f"{_OWN}{name}": Secret(value) for name, value in settings.items()}}


def finite_wait(seconds: float) -> float:
    """Return the seconds to wait. Raises UsageError if they are infinite or negative."""
    if not 0 <= seconds < math.inf:  # `nan` is neither
        raise UsageError(f"nobody can wait {seconds} seconds", hint="write for example --max-wait 60.")
    return seconds


def secret_settings(settings: Mapping[str, str]) -> list[str]:
    """Return the values of the user's settings that are secrets by their names.

    A message of the server may quote them.
    """
    return [revealed(value) for name, value in settings.items() if name.startswith(_OWN) and is_secret_variable(name)]


def seconds(duration: str) -> float:
    """Return how many seconds a duration is, as PostgreSQL writes them: without a unit, milliseconds."""
    number, unit = re.fullmatch(r"([\d.]+)\s*([a-z]*)", duration).groups()  # type: ignore[union-attr]  # checked before
    return float(number) * {"us": 1e-6, "": 1e-3, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
