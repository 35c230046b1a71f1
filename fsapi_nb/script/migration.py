"""Read a file's bytes into a `Migration`: decode, scan, cut, parse and classify each statement.

Takes the bytes and the name, and returns a value or its problems. Whether a script may *run* is decided later: a DOWN
with problems does not make a file unusable.
"""

from __future__ import annotations

import bisect
import codecs
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from fsapi_nb.errors import UNCHANGED, MigrationFileError
from fsapi_nb.model.migration import ByteSource, Check, Direction, Migration, ParsedScript, Script, Statement
from fsapi_nb.model.place import Problem, SourceLocation
from fsapi_nb.script.backslashes import find_escaped_quote
from fsapi_nb.script.body import Body
from fsapi_nb.script.checksum import checksum
from fsapi_nb.script.contents import MemoryContents
from fsapi_nb.script.excerpt import begin_in
from fsapi_nb.script.lexer import Lexed, lex
from fsapi_nb.script.naming import is_placeholder
from fsapi_nb.script.options import read_options
from fsapi_nb.script.other_encoding import find_misread_text
from fsapi_nb.script.psql import find_commands
from fsapi_nb.script.reversal import find_reversal
from fsapi_nb.script.sections import Section, Sections, Source, find_sections
from fsapi_nb.script.statements import read_statements
from fsapi_nb.script.tokens import COMMENTS, LINE_COMMENT, SqlSyntaxError, SyntaxProblem, Tokens

_BOM = b"\xef\xbb\xbf"
_NEAR = " at or near "
_LONGEST_TOKEN = 60
_INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060\u3000\ufeff]")
_DOLLARS = re.compile(r"\$[^$]*\$")


def read_migration(name: str, raw: bytes) -> tuple[Migration | None, tuple[Problem, ...]]:
    """Return the migration that the bytes of a file hold; or None, and what is wrong with the file.

    Faults inside a section are problems of its `Script`, not of the file. Statements are parsed only when they are
    asked for.
    """
    return read_contents(MemoryContents(name, raw))


def read_contents(contents: ByteSource) -> tuple[Migration | None, tuple[Problem, ...]]:
    """Do what `read_migration` does with a file that is read in pieces, because its data may be large.

    The migration's `digest` is the SHA-256 of the bytes that were read.

    Raises:
        OSError: The file cannot be read.
    """
    digest = hashlib.sha256()
    chunks = _checked(contents.chunks(), digest)
    try:
        first = next(chunks, b"")
        text = first.removeprefix(_BOM)
        lexed = lex(itertools.chain([text], chunks), skipped=len(first) - len(text))
        return _read(Source(contents.name, lexed), lexed, contents, f"sha256:{digest.hexdigest()}")
    except _NotText:
        problem = _undecodable(contents.name, b"".join(contents.chunks()))
        return None, (problem or Problem("the file was changed while it was read", SourceLocation(contents.name, 1)),)
    except MigrationFileError as error:
        return None, (error.problem,)


def stored_text(name: str, up: str, down: str | None) -> Migration | None:
    """Return the migration of two texts that were kept without a file; None if the UP cannot be scanned.

    The texts are sections, so a line that looks like a marker is a comment.
    """
    head, middle = b"-- UP\n", b"" if down is None else b"-- DOWN\n"
    first = len(head)
    last = first + len(up.encode())
    raw = head + up.encode() + middle + (down or "").encode()
    contents, lexed = MemoryContents(name, raw), lex([raw])
    below = Section(last + len(middle), len(raw)) if down is not None else None
    if lexed.problem and not (below and lexed.problem.offset >= below.start):
        return None
    sections = Sections(Section(first, last), below, Section(0, 0))
    return _build(Source(name, lexed), lexed, sections, contents, f"sha256:{hashlib.sha256(raw).hexdigest()}")


def stored_statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of a step whose text was kept; none if it cannot be read."""
    migration = stored_text("journal", text, None)
    return migration.up.parsed.statements if migration else ()


class _NotText(Exception):
    """Bytes that are not UTF-8, or hold a NUL."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def _checked(chunks: Iterable[bytes], digest: _Digest) -> Iterator[bytes]:
    """Yield the same bytes, digested and found to be text. Raises _NotText if they are not text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            digest.update(chunk)
            decoder.decode(chunk)
            if b"\x00" in chunk:
                raise _NotText
            yield chunk
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise _NotText from None


def _read(
    source: Source, lexed: Lexed, contents: ByteSource, digest: str
) -> tuple[Migration | None, tuple[Problem, ...]]:
    sections, problems = find_sections(source, lexed)
    if lexed.problem and not (sections and sections.down and lexed.problem.offset >= sections.down.start):
        # After the place where the scanner stopped nothing is certain, not even where the DOWN begins.
        cause = find_escaped_quote(lexed, 0, len(lexed.tokens))
        if cause:
            return None, (_syntax(source, cause),)
        commands = find_commands(source, lexed.commands, 0, len(lexed.text))
        return None, (*commands, _syntax(source, lexed.problem), *problems)
    if sections is None:
        return None, tuple(sorted(problems, key=_position))
    problem = _nothing_there(source, lexed, sections)
    return (None, (problem,)) if problem else (_build(source, lexed, sections, contents, digest), ())


def _build(source: Source, lexed: Lexed, sections: Sections, contents: ByteSource, digest: str) -> Migration:
    up = Body(source, lexed, sections.up, contents)
    down = Body(source, lexed, sections.down, contents) if sections.down else None
    checks = tuple((title, Body(source, lexed, section, contents)) for title, section in sections.checks)
    # A partial, not a closure, so that a migration can be pickled and sent to another process.
    hashed = partial(_hashed, up, down, tuple(body for _, body in checks))
    # The checksum is lazy, unless it needs data that is only in the file: that could change until then.
    if not all(block.kept for block in lexed.copies):
        hashed = partial(str, hashed())

    return Migration(
        name=source.file,
        up=_script(_FileSection(up, sections.header.start, checks, marked=up.section.start > 0), Direction.UP),
        down=_script(_FileSection(down, down.section.start), Direction.DOWN) if down else None,
        hashed=hashed,
        digest=digest,
    )


def _hashed(up: Body, down: Body | None, checks: Iterable[Body]) -> str:
    """Return the checksum of these sections."""
    return checksum([up.hashed(), down.hashed() if down else None, *(body.hashed() for body in checks)])


def _script(written: _FileSection, direction: Direction) -> Script:
    body = written.body
    return Script(direction, body.source.line(body.section.start), written)


@dataclass(frozen=True, slots=True)
class _Refused:
    """A script without faults that must not run for another reason: its `problem`."""

    script: Script
    problem: Problem

    @property
    def text(self) -> str:
        """The section, without large data."""
        return self.script.written.text

    @property
    def source(self) -> str:
        """The whole file; large data is empty lines."""
        return self.script.written.source

    @property
    def complete(self) -> bool:
        """Whether `text` is all of it."""
        return self.script.written.complete

    def parse(self) -> ParsedScript:
        """Return what the text holds, with that problem first."""
        parsed = self.script.parsed
        return replace(parsed, problems=(self.problem, *parsed.problems))


def refuse_up(migration: Migration, problem: Problem) -> Migration:
    """Return the migration with a problem of its UP, so that it is not applied.

    If it is applied already, nothing changes.
    """
    return replace(migration, up=replace(migration.up, written=_Refused(migration.up, problem)))


def checksum_without_down(migration: Migration) -> str | None:
    """Return the checksum that the migration would have without its DOWN; None if it has no file."""
    written = migration.up.written
    if isinstance(written, _Refused):
        written = written.script.written
    if not isinstance(written, _FileSection):
        return None
    return checksum([written.body.hashed(), None, *(body.hashed() for _, body in written.checks)])


def refusal_of(migration: Migration) -> Problem | None:
    """Return why `refuse_up` was called for the migration; None if it was not."""
    written = migration.up.written
    return written.problem if isinstance(written, _Refused) else None


def _undecodable(name: str, raw: bytes) -> Problem | None:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem("this file is UTF-16", SourceLocation(name, 1), "save it as UTF-8.")
    if b"\x00" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\x00")) + 1
        return Problem(
            "a NUL byte: this is not a text file", SourceLocation(name, line), "PostgreSQL does not accept NUL in SQL."
        )
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        place = Source(name, Lexed(raw, raw, Tokens(), [], (), None)).place(error.start)
        return Problem(message, place, "save the file as UTF-8.")
    return None


def _nothing_there(source: Source, lexed: Lexed, sections: Sections) -> Problem | None:
    """Return the fault of a file that holds neither SQL nor a marker: most likely it was never written."""
    if sections.up.start or lexed.tokens.sorts.strip(COMMENTS):
        return None
    if any(find_commands(source, lexed.commands, 0, len(lexed.text))):
        return None  # each psql command is a fault of the script, which is enough
    if not source.text.strip():
        return Problem(
            "this file is empty", SourceLocation(source.file, 1), "write `-- UP` and SQL below it, or delete the file."
        )
    return Problem(
        "this file holds no SQL", SourceLocation(source.file, 1), "for a deliberate no-op, add a line `-- UP`."
    )


@dataclass(frozen=True, slots=True)
class _FileSection:
    """A section of a file, with its checks and the comments from `above` on, which may hold options.

    `marked` is False if the file has no marker, so that all of it is the section.
    """

    body: Body
    above: int
    checks: tuple[tuple[str, Body], ...] = ()
    marked: bool = True

    @property
    def text(self) -> str:
        """The section, without large data."""
        return self.body.text

    @property
    def source(self) -> str:
        """The whole file; large data is empty lines."""
        return self.body.source.text.decode()

    @property
    def complete(self) -> bool:
        """Whether `text` is all of it."""
        return self.body.complete

    def parse(self) -> ParsedScript:
        """Return its statements and their faults. The faults of a check are faults of the script."""
        body = self.body
        solid = body.solid()
        first = body.lexed.tokens.starts[solid[0]] if solid else body.section.end
        options, problems = read_options(body.source, self._line_comments(), first)
        problems += [] if solid else _unwritten(body)
        statements, faults, unparsed = self._read()
        checks = [read_check(title, each) for title, each in self.checks]
        problems += [*faults, *(problem for _, faults in checks for problem in faults)]
        return ParsedScript(
            statements=statements,
            problems=tuple(sorted(problems, key=_position)),
            unparsed=unparsed,
            options=options,
            checks=tuple(check for check, _ in checks if check),
        )

    def _read(self) -> tuple[tuple[Statement, ...], list[Problem], bool]:
        """Return its statements, what is wrong with them, and whether PostgreSQL's parser refused the text."""
        body = self.body
        cause = find_escaped_quote(body.lexed, body.first, body.last)
        if cause:  # the text after it is not read as its author meant it, so other faults would mislead
            return (), [_syntax(body.source, cause)], False
        misread = find_misread_text(body.lexed, body.first, body.last, body.section.end)
        if misread:
            return (), [_syntax(body.source, misread)], False
        problems = list(find_commands(body.source, body.lexed.commands, self.above, body.section.end))
        if body.problem:
            return (), [*problems, _syntax(body.source, body.problem)], True
        if problems:
            return (), problems, False
        try:
            statements, refusals = read_statements(body)
        except SqlSyntaxError as error:
            return (), [_syntax(body.source, error.problem)], True
        return statements, refusals if self.marked else [*refusals, *_reversed(body, statements)], False

    def _line_comments(self) -> Iterator[tuple[int, int]]:
        lexed, tokens = self.body.lexed, self.body.lexed.tokens
        first = bisect.bisect_left(tokens.starts, self.above)
        for index in lexed.comments[bisect.bisect_left(lexed.comments, first) :]:
            if index >= self.body.last:
                break
            if tokens.sorts[index] == LINE_COMMENT[0]:
                yield tokens.starts[index], tokens.ends[index]


def read_check(title: str, body: Body) -> tuple[Check | None, list[Problem]]:
    """Return the check that a section or a cell holds, one query; or None, and what is wrong with it."""
    commands = list(find_commands(body.source, body.lexed.commands, body.section.start, body.section.end))
    if commands:
        return None, commands
    try:
        statements, problems = read_statements(body) if not body.problem else ((), [_syntax(body.source, body.problem)])
    except SqlSyntaxError as error:
        return None, [_syntax(body.source, error.problem)]
    if problems:
        return None, problems
    if len(statements) == 1 and statements[0].traits.kind == "SELECT":
        return Check(title, statements[0]), []
    solid = body.solid()
    place = body.lexed.tokens.starts[solid[0]] if solid else max(body.section.start - 1, 0)
    found = f"{len(statements)} statements" if len(statements) != 1 else statements[0].traits.kind
    hint = "write one SELECT that returns no rows, or only true, if all is well."
    return None, [body.source.problem(place, f"a check is one query, and this is {found}", hint)]


def read_query(title: str, text: str) -> Check:
    """Return the check that a notebook's cell holds.

    Raises:
        MigrationFileError: The cell is not one query.
    """
    contents = MemoryContents(title, text.encode(errors="surrogatepass"))
    problem = _undecodable(title, contents.raw)
    lexed = lex([b"" if problem else contents.raw])
    body = Body(Source(title, lexed), lexed, Section(0, len(lexed.text)), contents)
    check, problems = (None, [problem]) if problem else read_check(title, body)
    if check is None:
        raise MigrationFileError(problems[0], state=UNCHANGED)
    return check


def _position(problem: Problem) -> tuple[int, int]:
    return problem.place.line, problem.place.column or 0


def _unwritten(body: Body) -> list[Problem]:
    """Return the fault of a section that is still the template's: it would do nothing and be recorded."""
    if not is_placeholder(body.text):
        return []
    hint = "write SQL; or for a deliberate no-op, another comment."
    return [body.source.problem(body.section.start, "this is still the empty template", hint)]


def _reversed(body: Body, statements: tuple[Statement, ...]) -> list[Problem]:
    """Return the fault of a file without markers that drops what it has created.

    Most likely it holds both directions.
    """
    found = find_reversal(statements)
    if found is None:
        return []
    statement, name = found
    hint = (
        "if the part that undoes the change begins here, write a line `-- DOWN` above this line, and `-- UP` as the first "
        "line of the file; if all of the file is the change, write only `-- UP`."
    )
    message = f"this file has no markers, and drops the {name} that it has created"
    place = body.source.place(body.source.start_of(statement.line), column=False)
    return [Problem(message, replace(place, near=begin_in(statement, place.source or "")), hint)]


def _syntax(source: Source, problem: SyntaxProblem) -> Problem:
    """Return the problem of a syntax error, without the rest of the file and without a password."""
    message, near, written = problem.message.partition(_NEAR)
    written = written[1:-1]
    hint = problem.hint
    if message.startswith("unterminated"):
        opening = _DOLLARS.match(written)
        hint = f"{opening[0]} opens it, and only the same closes it." if opening else hint
    elif near:
        hint = hint or _hint(written)
        shown = source.shown(problem.offset, problem.offset + len(written.encode()))
        shown = shown if len(shown) <= _LONGEST_TOKEN else shown[:_LONGEST_TOKEN] + "…"
        message += f'{_NEAR}"{shown}"'
    return source.problem(problem.offset, message, hint)


def _hint(token: str) -> str | None:
    """Return what helps with a token that the parser did not expect; None if nothing is known."""
    if token.startswith((":", "{", "%", "$")):
        return "nothing is replaced in the SQL: use --set name=value and current_setting('fsapi.name')."
    if re.fullmatch(r"<{7}|={7}|>{7}|\|{7}", token):
        return "git could not merge this file: choose one of the two texts, and remove these lines."
    if token == "#":  # noqa: S105 - a token of SQL
        return "a comment of SQL begins with `--`; the markers are `-- UP` and `-- DOWN`, each a line of its own."
    if _INVISIBLE.search(token):
        return "there is an invisible character here, such as a no-break space: delete it and type the text again."
    return None
