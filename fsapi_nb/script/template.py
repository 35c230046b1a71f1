"""The names and the text of new migration files; what a good name is. Pure: the folder and the clock are the caller's."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

_NAME = re.compile(r"\d{4}_\d{2}_\d{2}_\d{2}_\d{2}_[A-Za-z0-9][A-Za-z0-9_.-]*\.sql")
_FORMAT = "%Y_%m_%d_%H_%M"
_WHAT = re.compile(r"[a-z0-9][a-z0-9_]*")
MAXIMUM = 255

UP_PLACEHOLDER = "-- (the SQL that makes the change)"
DOWN_PLACEHOLDER = "-- (the SQL that takes it back; without this section the migration is irreversible)"
TEMPLATE = f"-- UP\n{UP_PLACEHOLDER}\n\n-- DOWN\n{DOWN_PLACEHOLDER}\n"


def is_placeholder(text: str) -> bool:
    """Whether a section is the template's, never filled in."""
    return text.strip() == UP_PLACEHOLDER


def bad_file_name(name: str) -> str | None:
    """What is wrong with a migration file's name; None where nothing is."""
    if not _NAME.fullmatch(name):
        return "the name is not YYYY_MM_DD_HH_MM_name.sql"
    try:
        datetime.datetime.strptime(name[:16], _FORMAT).replace(tzinfo=datetime.UTC)
    except ValueError:
        return f"{name[:16]} is no time"
    return f"the name is longer than {MAXIMUM} characters" if len(name) > MAXIMUM else None


def slug(what: str) -> str | None:
    """The words of a new migration as they stand in its name; None where they cannot make one.

    Blanks and dashes become underscores, letters lower case; a slash, a dot or anything else is refused
    rather than dropped.
    """
    text = re.sub(r"[\s-]+", "_", what.strip().removesuffix(".sql").lower())
    return text if _WHAT.fullmatch(text) and len(text) <= 200 else None


def next_name(what: str, existing: Iterable[str], now: datetime.datetime) -> str:
    """The file name of a new migration: the first minute from `now` (UTC) that sorts after every existing file."""
    newest = max((name[:16] for name in existing if bad_file_name(name) is None), default="")
    minute = now.astimezone(datetime.UTC).replace(second=0, microsecond=0)
    if newest >= minute.strftime(_FORMAT):
        last = datetime.datetime.strptime(newest, _FORMAT).replace(tzinfo=datetime.UTC)
        minute = last + datetime.timedelta(minutes=1)
    return f"{minute.strftime(_FORMAT)}_{what}.sql"
