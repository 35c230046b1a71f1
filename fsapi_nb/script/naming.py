"""The names and the text of new migration files; what a good name is.

Pure: the folder and the clock are the caller's.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable

from fsapi_nb.text.safe import visible_name

# What most names are: a time that exists in every month, and words in which nothing can be wrong.
_PLAIN = re.compile(
    r"[1-9][0-9]{3}_(?:0[1-9]|1[0-2])_(?:0[1-9]|1[0-9]|2[0-8])_(?:[01][0-9]|2[0-3])_[0-5][0-9]_[A-Za-z0-9][A-Za-z0-9_-]{,200}\.sql"
)
_NAME = re.compile(r"([0-9]{4}(?:_[0-9]{2}){4})_(.+)\.sql", re.DOTALL)
_LENGTH = len("YYYY_MM_DD_HH_MM")
_FORMAT = "%Y_%m_%d_%H_%M"
MAXIMUM = 255  # characters of the history's varchar, and bytes of a file's name on most systems
_LONGEST_SLUG = 200

UP_PLACEHOLDER = "-- (the SQL that makes the change)"
DOWN_PLACEHOLDER = "-- (the SQL that takes it back; without this section the migration is irreversible)"
TEMPLATE = f"-- UP\n{UP_PLACEHOLDER}\n\n-- DOWN\n{DOWN_PLACEHOLDER}\n"


def is_placeholder(text: str) -> bool:
    """Whether a section is the template's, never filled in."""
    return text.strip() in {UP_PLACEHOLDER, DOWN_PLACEHOLDER}


def bad_file_name(name: str) -> str | None:
    """What is wrong with a migration file's name; None where nothing is."""
    if _PLAIN.fullmatch(name):
        return None  # at a glance: there may be thousands
    match = _NAME.fullmatch(name)
    if not match:
        return "the name is not YYYY_MM_DD_HH_MM_name.sql"
    if _time(match[1]) is None:
        return f"{match[1]} is no time"
    if len(name) > MAXIMUM:
        return f"the name is longer than {MAXIMUM} characters"
    return _bad_words(match[2], "_-.")


def _bad_words(words: str, marks: str) -> str | None:
    """What is wrong with the part of a name that people choose: letters, digits and those marks, in any script."""
    for index, character in enumerate(words):
        # Marks of a letter (M) are part of it in many scripts; blanks, slashes and what cannot be seen are refused.
        kind = unicodedata.category(character)[0]
        if kind not in "LN" and not (index and (kind == "M" or character in marks)):
            where = "cannot stand in the name" if index else "cannot begin the name"
            return f"{visible_name(character)!r} {where}"
    if not unicodedata.is_normalized("NFC", words):
        return "the name's letters and their accents are separate characters (it is not in Unicode's form NFC)"
    if ".." in f"{words}.":  # the last is that of `.sql`
        return "two dots in a row cannot stand in the name"
    return None


def slug(what: str) -> str | None:
    """The words of a new migration as they stand in its name; None where they cannot make one.

    Blanks and dashes become underscores, letters lower case; a slash, a dot or anything else is refused
    rather than dropped.
    """
    words = re.sub(r"[\s-]+", "_", what.strip().removesuffix(".sql").lower())
    words = unicodedata.normalize("NFC", words)
    return words if words and not _bad_words(words, "_") and len(words.encode()) <= _LONGEST_SLUG else None


def next_name(what: str, existing: Iterable[str], now: datetime.datetime) -> str:
    """The file name of a new migration: the first minute from `now` (UTC) that sorts after every existing file.

    Raises OverflowError where the newest file is at the end of time (the year 9999).
    """
    times = [time for time in (_time(name[:_LENGTH]) for name in existing) if time]
    minute = now.astimezone(datetime.UTC).replace(second=0, microsecond=0)
    if times and max(times) >= minute:
        minute = max(times) + datetime.timedelta(minutes=1)
    return f"{minute.strftime(_FORMAT)}_{what}.sql"


def _time(written: str) -> datetime.datetime | None:
    """The minute that a name begins with, whatever the rest of it."""
    try:
        return datetime.datetime.strptime(written, _FORMAT).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None


def with_suffix(name: str) -> str:
    """The name with its `.sql`, which users leave out."""
    return name if name.endswith(".sql") else f"{name}.sql"
