"""Check the names of migration files, and make the name and the text of a new one.

Reads no folder and no clock: the caller passes the names and the time.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable

from fsapi_nb.text.safe import visible_name

# The form of most names: a time that exists in every month, and words of ASCII letters. It is checked first because
# there may be thousands of files.
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
    """Return whether a section is the template's, never filled in."""
    return text.strip() in {UP_PLACEHOLDER, DOWN_PLACEHOLDER}


def bad_file_name(name: str) -> str | None:
    """Return what is wrong with a migration file's name; None if it is right."""
    if _PLAIN.fullmatch(name):
        return None
    match = _NAME.fullmatch(name)
    if not match:
        return "the name is not YYYY_MM_DD_HH_MM_name.sql"
    if _time(match[1]) is None:
        return f"{match[1]} is not a time"
    if len(name) > MAXIMUM:
        return f"the name is longer than {MAXIMUM} characters"
    return _bad_words(match[2], "_-.")


def _bad_words(words: str, marks: str) -> str | None:
    """Return what is wrong with the part of a name that people choose; None if it is right.

    It may have letters and digits of any script, and `marks` after its first character.
    """
    for index, character in enumerate(words):
        # Unicode's marks (M) are parts of letters in many scripts. Blanks, slashes and invisible characters are
        # refused.
        kind = unicodedata.category(character)[0]
        if kind not in "LN" and not (index and (kind == "M" or character in marks)):
            where = "is not allowed in the name" if index else "is not allowed at the beginning of the name"
            return f"{visible_name(character)!r} {where}"
    if not unicodedata.is_normalized("NFC", words):
        return "the name's letters and their accents are separate characters (it is not in Unicode's form NFC)"
    if ".." in f"{words}.":  # the last is that of `.sql`
        return "two dots in a row are not allowed in the name"
    return None


def slug(what: str) -> str | None:
    """Return the words of a new migration as its name has them; None if they cannot make a name.

    Blanks and dashes become underscores, letters become lower case; a slash, a dot or anything else is refused
    rather than dropped.
    """
    words = re.sub(r"[\s-]+", "_", what.strip().removesuffix(".sql").lower())
    words = unicodedata.normalize("NFC", words)
    return words if words and not _bad_words(words, "_") and len(words.encode()) <= _LONGEST_SLUG else None


def next_name(what: str, existing: Iterable[str], now: datetime.datetime) -> str:
    """Return the file name of a new migration, with the first minute that sorts after every existing file.

    Args:
        what: The words of the name, as `slug` returns them.
        existing: The names of all files of the folder.
        now: Any time with a zone; the name is in UTC.

    Raises:
        OverflowError: The newest file is at the end of the year 9999, so that no minute follows.
    """
    times = [time for time in (_time(name[:_LENGTH]) for name in existing) if time]
    minute = now.astimezone(datetime.UTC).replace(second=0, microsecond=0)
    if times and max(times) >= minute:
        minute = max(times) + datetime.timedelta(minutes=1)
    return f"{minute.strftime(_FORMAT)}_{what}.sql"


def _time(written: str) -> datetime.datetime | None:
    """Return the minute that a name begins with; None if it begins with none."""
    try:
        return datetime.datetime.strptime(written, _FORMAT).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None


def with_suffix(name: str) -> str:
    """Return the name with its `.sql`, which users may leave out."""
    return name if name.endswith(".sql") else f"{name}.sql"
