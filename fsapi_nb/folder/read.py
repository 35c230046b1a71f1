"""The migrations folder: reads its files into a `Folder`, writes and creates files without ever losing one.

The only module that touches migration files. What their text means is for `script`.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from fsapi_nb.errors import ConfigurationError, MigrationFileError, UsageError
from fsapi_nb.folder.cache import ParseCache
from fsapi_nb.folder.digests import read_digests
from fsapi_nb.folder.subfolders import count_nested
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.place import Problem, SourceLocation
from fsapi_nb.script.foreign_names import Siblings, explain_bad_name, find_foreign
from fsapi_nb.script.naming import TEMPLATE, bad_file_name, next_name, slug
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.safe import visible_name

_PATIENCE = 100  # looks at a draft that is in the way, 10 ms apart, before it counts as left behind
_PAUSE = 0.01
_TIME = re.compile(r"[0-9]{4}(?:_[0-9]{2}){4}_(?=.)")
_parsed = ParseCache(capacity=64 << 20, most=1 << 30)


def read_folder(path: Path, label: str | None = None) -> Folder:
    """Return every `*.sql` file of the folder, ordered by the bytes of their names; other files are not looked at.

    Each file's digest is taken of its bytes, which are read unless nothing has written to the file since they were. A
    file is parsed when the `Folder` is asked for it, if it was not parsed before with the same bytes in it.

    Args:
        label: What the user calls the folder, in messages; its path if it is None.

    Raises:
        ConfigurationError: There is no such folder, or it cannot be read.
    """
    names = _sort_out(tuple(_listed(path)))
    digests, unreadable = _digests(path, names.sound)
    folder = str(path.absolute())
    _parsed.hold(folder, names.sound)
    held: dict[str, FileReading] = {}  # what a run has read stays as long as it does, however large
    return Folder(
        digests,
        {**names.bad, **unreadable},
        partial(_read_one, folder, digests, names.foreign, held),
        label or str(path),
        count_nested(path),
    )


def fingerprint(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time and size of each file: what differs when somebody has changed the folder. Reads no file.

    Empty if the folder cannot be read.
    """
    try:
        with os.scandir(path) as entries:
            found = [_looks(entry) for entry in entries if entry.name.endswith(".sql") and _may_be_file(entry)]
    except OSError:
        return ()
    return tuple(sorted(found))


def _looks(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    try:
        found = entry.stat()
    except OSError:  # a link that leads nowhere
        return entry.name, 0, 0
    return entry.name, found.st_mtime_ns, found.st_size


def create(path: Path, what: str, *, now: datetime.datetime, text: str = TEMPLATE) -> str:
    """Create a migration file, named by the next free minute, and return its name; make the folder if need be.

    However many processes do so at once, no minute has two files, and none sorts before one that is there.

    Args:
        what: What the migration does; becomes the part of the name after the time.
        now: The moment before which the file's minute is not.
        text: What is written into it.

    Raises:
        UsageError: `what` cannot be part of a file's name.
        ConfigurationError: Nothing can be written there.
    """
    words, data = words_of(what), encode(text)
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        return _create(path, words, now, data)


def words_of(what: str) -> str:
    """Return what a new file is called after its time. Raises UsageError if `what` cannot be part of a file name."""
    words = slug(what)
    if words is None:
        hint = "use letters, digits and underscores, such as add_phone_to_users."
        raise UsageError(f"{what!r} cannot be a migration's name", hint=hint)
    if time := _TIME.match(words):
        raise UsageError(
            f"{what!r} begins with a time, and a new file is given the time at which it is made",
            hint=Advice("give the part after the time: ", command("make", words[time.end() :])),
        )
    return words


def write(path: Path, name: str, text: str | bytes) -> None:
    """Write a migration file whole: a reader sees the old text or the new one, never a part.

    Raises:
        UsageError: The name cannot be a migration's.
        ConfigurationError: Nothing can be written there.
    """
    problem = bad_file_name(name)
    if problem:
        raise UsageError(f"{name!r}: {problem}", hint="such as 2026_01_31_09_30_add_phone_to_users.sql.")
    data = encode(text) if isinstance(text, str) else text
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        file = Path(os.path.realpath(path / name))  # what a link points to is written, and the link stays one
        draft = stage_file(file, data)
        try:
            if file.exists():
                shutil.copymode(file, draft)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)


def stage_file(file: Path, data: bytes) -> Path:
    """Write `data` to a hidden file beside `file`, down to the disk, and return that one's path.

    Raises:
        OSError: It cannot be written.
    """
    draft = file.parent / f".{os.urandom(8).hex()}.draft"
    _write_draft(draft, data)
    return draft


def parse_text(name: str, text: str) -> Migration:
    """Return the migration that a text would be under that name.

    Raises:
        MigrationFileError: It could not be a migration.
        UsageError: It cannot be encoded as UTF-8.
    """
    from fsapi_nb.script.migration import read_migration, refuse_up

    migration, problems = read_migration(name, encode(text))
    if migration is None:
        raise MigrationFileError(problems[0], state="unchanged; the file was not written.")
    foreign = _foreign((name,)).get(name)
    return refuse_up(migration, foreign) if foreign else migration


# -- names -----------------------------------------------------------------------------------------------------


def _file_names(path: Path) -> list[str]:
    return sorted(_listed(path), key=os.fsencode)


def _listed(path: Path) -> list[str]:
    """Return the names of the folder's files, good or bad, in no order."""
    try:
        with os.scandir(path) as entries:
            return [
                entry.name
                for entry in entries
                if entry.name[-4:].lower() == ".sql" and entry.name[0] != "." and _may_be_file(entry)
            ]
    except FileNotFoundError:
        if path.name and not path.exists() and path.parent.exists():
            hint: str = Advice(
                command("make", "NAME"), " makes it, with a first file; or give another folder with --dir."
            )
        else:
            hint = "give the folder with --dir, or run this inside the project."
        raise ConfigurationError(f"there is no folder {str(path)!r} with migrations", hint=hint) from None
    except OSError as error:
        raise _unreadable_folder(path, error) from None


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file, or a link that leads nowhere: a migration that is not there must be seen."""
    if entry.is_file(follow_symlinks=False):
        return True
    return entry.is_symlink() and (os.path.isfile(entry.path) or not os.path.exists(entry.path))


class _FileNames(NamedTuple):
    """The names of a folder's files: the sound ones in order, what is wrong with the others, and what other tools named.

    The `foreign` ones are sound, but their files are not whole migrations.
    """

    sound: tuple[str, ...]
    bad: Mapping[str, tuple[Problem, ...]]
    foreign: Mapping[str, Problem]


@lru_cache(maxsize=4)
def _sort_out(names: tuple[str, ...]) -> _FileNames:
    """Judge the names of one folder. Most calls of a process are about the same names."""
    twins, known = _twins(names), Siblings(names)
    ordered = sorted(names, key=os.fsencode)
    bad = {name: problem for name in names if (problem := _bad_name(name, twins, known))}
    sound = tuple(name for name in ordered if name not in bad)
    return _FileNames(sound, {visible_name(name): (bad[name],) for name in bad}, _foreign(ordered))


def _foreign(names: Sequence[str]) -> dict[str, Problem]:
    """Return what is wrong with those names that are not a whole migration's."""
    return {
        name: Problem(fault.message, SourceLocation(name, 1), fault.hint) for name, fault in find_foreign(names).items()
    }


def _twins(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names that differ in case only, each with all its twins."""
    folded: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        folded[unicodedata.normalize("NFC", name.casefold())].append(name)
    return {name: group for group in folded.values() if len(group) > 1 for name in group}


def _bad_name(name: str, twins: dict[str, list[str]], known: Siblings) -> Problem | None:
    fault = bad_file_name(name)
    if fault:
        message, hint = explain_bad_name(name, fault, known)
        return Problem(visible_name(message), SourceLocation(visible_name(name), 1), visible_name(hint))
    if name in twins:
        others = ", ".join(visible_name(other) for other in twins[name] if other != name)
        message = f"this name and {others} differ only in case"
        return Problem(message, SourceLocation(name, 1), "rename one: on some systems they are one file.")
    return None


# -- contents --------------------------------------------------------------------------------------------------


def _digests(path: Path, names: Iterable[str]) -> tuple[dict[str, str], dict[str, tuple[Problem, ...]]]:
    """Return the digest of each file's bytes, and what is wrong with those that cannot be read."""
    unreadable: dict[str, tuple[Problem, ...]] = {}

    def refused(name: str, error: OSError) -> None:
        unreadable[name] = (_unreadable(name, error),)

    descriptor = _open_folder(path)
    try:
        return read_digests(str(path.absolute()), descriptor, names, refused), unreadable
    finally:
        os.close(descriptor)


def _open_folder(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unreadable_folder(path, error) from None


def _read_one(
    folder: str, digests: Mapping[str, str], foreign: Mapping[str, Problem], held: dict[str, FileReading], name: str
) -> FileReading:
    """Return what one of the folder's files is read as."""
    found = held.get(name)
    if found is None:
        found = _reading(folder, name, digests[name])
        found = held[name] = _refused(found, foreign[name]) if name in foreign else found
    return found


def _reading(folder: str, name: str, digest: str) -> FileReading:
    """Return what a file with those bytes is read as: parsed now, unless it was before."""
    file = os.path.join(folder, name)  # no Path: thousands of them cost more than their files
    found = _parsed.read(file, digest, partial(_parse, file, name))
    if found.migration and found.migration.digest != digest:
        problem = Problem("the file was changed while it was being read", SourceLocation(name, 1), "run it again.")
        return FileReading(None, (problem,))
    return found


def _refused(reading: FileReading, problem: Problem) -> FileReading:
    """Return the reading of a file that must not be applied, whatever it holds."""
    from fsapi_nb.script.migration import refuse_up

    if reading.migration is None:
        return FileReading(None, (problem, *reading.problems))
    return replace(reading, migration=refuse_up(reading.migration, problem))


def _parse(file: str, name: str) -> FileReading:
    """Return what a file is read as, as it is at this moment."""
    from fsapi_nb.script.contents import FileContents
    from fsapi_nb.script.migration import read_contents

    try:
        found = FileReading(*read_contents(FileContents(name, file)))
    except OSError as error:
        return FileReading(None, (_unreadable(name, error),))
    return _unquoted(name) if _leads_out(file) and _is_faulty(found) else found


def _is_faulty(found: FileReading) -> bool:
    """Return whether something of a file would be quoted before anybody has asked for it to be run or shown."""
    migration = found.migration
    return migration is None or any(each and each.parsed.problems for each in (migration.up, migration.down))


def _leads_out(file: str) -> bool:
    """Return whether a file is a link to one outside of its project, as a stranger's project could name any file."""
    if not os.path.islink(file):
        return False
    root = os.path.realpath(os.path.dirname(os.path.dirname(file)))
    return os.path.commonpath([root, os.path.realpath(file)]) != root


def _unquoted(name: str) -> FileReading:
    hint = "put the file itself here to see what is wrong; nothing is quoted of a file outside of the project."
    return FileReading(None, (Problem("what the link leads to is not a migration", SourceLocation(name, 1), hint),))


def _unreadable(name: str, error: OSError) -> Problem:
    return Problem(f"the file cannot be read: {error.strerror}", SourceLocation(name, 1))


def _unreadable_folder(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"the folder {str(path)!r} cannot be read: {error.strerror}")


def encode(text: str) -> bytes:
    """Return the bytes of a text as a file holds them. Raises UsageError if it is not text."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        character = f"U+{ord(text[error.start]):04X}"
        raise UsageError(f"the text holds {character}, which is not a character", hint="type it again.") from None


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise ConfigurationError, in fsapi_nb's words, if the block cannot write to a folder."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"the folder {str(path)!r} cannot be written: {error.strerror}") from None


def _create(path: Path, words: str, now: datetime.datetime, data: bytes) -> str:
    """Create the next free minute's file, and return its name."""
    taken: list[str] = []
    while True:
        name, draft = reserve(path, words, now, data, taken)
        try:
            publish(draft, path / name)
        except FileExistsError:  # something that is not a file has the name
            taken.append(name)
        else:
            return name
        finally:
            draft.unlink(missing_ok=True)


def reserve(path: Path, words: str, now: datetime.datetime, data: bytes, taken: Sequence[str] = ()) -> tuple[str, Path]:
    """Return the name of the next free minute's file, and a draft of it that holds the minute until it is gone.

    The draft is named by the minute alone, so that only one can be under way. Names in `taken` count as there.
    """
    passed = [*taken]
    while True:
        name = _next_name(path, words, now, passed)
        draft = path / f".{name[:16]}.draft"
        if not _reserve(draft, data):
            passed.append(name)
            continue
        try:
            # Another process may have made a file between the look and the draft: it has the minute.
            free = _next_name(path, words, now, passed) == name
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        if free:
            return name, draft
        draft.unlink(missing_ok=True)


def _next_name(path: Path, words: str, now: datetime.datetime, taken: list[str]) -> str:
    names = [*_file_names(path), *taken]
    try:
        return next_name(words, names, now)
    except OverflowError:
        hint = "give that file a time that is not its last."
        raise UsageError(f"no minute is left after {visible_name(max(names))}", hint=hint) from None


def _reserve(draft: Path, data: bytes) -> bool:
    """Write a draft, and return whether it could be: False if there is one that a dead process has left."""
    for _ in range(_PATIENCE):
        try:
            _write_draft(draft, data)
        except FileExistsError:
            time.sleep(_PAUSE)
        else:
            return True
    return False


def _write_draft(draft: Path, data: bytes) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def publish(draft: Path, file: Path) -> None:
    """Give a draft its name, so that it is a draft no longer.

    Raises:
        FileExistsError: Something has the name.
    """
    try:
        os.link(draft, file)
        draft.unlink()
    except FileExistsError:
        raise
    except OSError:  # no hard links here, as on FAT and some network folders
        if file.exists():
            raise FileExistsError(file) from None
        draft.rename(file)
