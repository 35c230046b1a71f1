"""A file's bytes to a `Migration`: decode, scan, cut into sections, parse and classify each statement.

Pure: the bytes and the name come in, a value or its problems go out. Whether a script may *run* is decided
later; a DOWN with problems does not make a file unusable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from fsapi_nb.errors import MigrationFileError, Place, Problem
from fsapi_nb.model import Check, Direction, Migration, Script, Statement
from fsapi_nb.script.checksum import checksum
from fsapi_nb.script.lexer import Lexed, lex
from fsapi_nb.script.options import read_options
from fsapi_nb.script.parser import COMMENTS, SqlSyntaxError, SyntaxProblem
from fsapi_nb.script.psql import find_commands
from fsapi_nb.script.redact import find_secrets
from fsapi_nb.script.sections import Section, Sections, Source, find_sections
from fsapi_nb.script.statements import Body, read_statements
from fsapi_nb.script.template import is_placeholder

_BOM = b"\xef\xbb\xbf"
_NEAR = " at or near "
_LONGEST_TOKEN = 60
_INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060\u3000\ufeff]")
_DOLLARS = re.compile(r"\$[^$]*\$")


def read_migration(name: str, raw: bytes) -> tuple[Migration | None, tuple[Problem, ...]]:
    """The migration that a file of that name holds; or None, and what is wrong with the file.

    Faults inside a section are problems of its `Script`, not of the file.
    """
    problem = _undecodable(name, raw)
    if problem:
        return None, (problem,)
    text = raw.removeprefix(_BOM)
    lexed = lex(text)
    source = Source(name, text, find_secrets(text, lexed))
    sections, problems = find_sections(source, lexed)
    if lexed.problem and not (sections and sections.down and lexed.problem.offset >= sections.down.start):
        # After this place nothing is certain, not even where the DOWN begins.
        return None, (*find_commands(source, lexed.tokens), _syntax(source, lexed.problem), *problems)
    if sections is None:
        return None, tuple(sorted(problems, key=_position))
    problem = _nothing_there(source, lexed, sections)
    return (None, (problem,)) if problem else (_build(source, lexed, sections), ())


def _build(source: Source, lexed: Lexed, sections: Sections) -> Migration:
    up = Body(source, lexed, sections.up)
    down = Body(source, lexed, sections.down) if sections.down else None
    checks = [(title, Body(source, lexed, section)) for title, section in sections.checks]
    return Migration(
        name=source.file,
        up=_with_checks(_script(up, Direction.UP, sections.header), checks),
        down=_script(down, Direction.DOWN) if down else None,
        checksum=checksum([up.contents(), down.contents() if down else None, *(body.contents() for _, body in checks)]),
        source=source.text.decode(),
    )


def _undecodable(name: str, raw: bytes) -> Problem | None:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem("this file is UTF-16", Place(name, 1), "save it as UTF-8.")
    if b"\x00" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\x00")) + 1
        return Problem("a NUL byte: this is no text file", Place(name, line), "PostgreSQL takes no NUL in SQL.")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        return Problem(message, Source(name, raw).place(error.start), "save the file as UTF-8.")
    return None


def _nothing_there(source: Source, lexed: Lexed, sections: Sections) -> Problem | None:
    """The fault of a file that holds neither SQL nor a marker: most likely it was never written."""
    if sections.up.start or any(token.kind not in COMMENTS for token in lexed.tokens):
        return None
    if not source.text.strip():
        return Problem("this file is empty", Place(source.file, 1), "write `-- UP` and SQL below it, or delete it.")
    return Problem("this file holds no SQL", Place(source.file, 1), "for a deliberate no-op, add a line `-- UP`.")


def _script(body: Body, direction: Direction, header: Section | None = None) -> Script:
    """One direction's script. The `header` is what stands above the marker, where options may stand as well."""
    above = header.start if header else body.section.start
    comments = [t for t in body.lexed.tokens if t.kind == "SQL_COMMENT" and above <= t.start < body.section.end]
    first = body.solid[0].start if body.solid else body.section.end
    options, problems = read_options(body.source, comments, first)
    commands = list(find_commands(body.source, body.solid))
    problems += [*_unwritten(body), *commands]
    statements: tuple[Statement, ...] = ()
    unparsed = False
    if body.problem:
        problems.append(_syntax(body.source, body.problem))
        unparsed = True
    elif not commands:
        try:
            statements, refusals = read_statements(body)
            problems += refusals
        except SqlSyntaxError as error:
            problems.append(_syntax(body.source, error.problem))
            unparsed = True
    return Script(
        direction=direction,
        text=body.text,
        first_line=body.source.line(body.section.start),
        statements=statements,
        problems=tuple(sorted(problems, key=_position)),
        unparsed=unparsed,
        options=options,
    )


def _with_checks(script: Script, bodies: Sequence[tuple[str, Body]]) -> Script:
    """The script with what must hold once it has run; what is wrong with a check is wrong with the script."""
    read = [read_check(title, body) for title, body in bodies]
    problems = sorted((*script.problems, *(problem for _, faults in read for problem in faults)), key=_position)
    return replace(script, checks=tuple(check for check, _ in read if check), problems=tuple(problems))


def read_check(title: str, body: Body) -> tuple[Check | None, list[Problem]]:
    """The check that a section or a cell holds: one query."""
    try:
        statements, problems = read_statements(body) if not body.problem else ((), [_syntax(body.source, body.problem)])
    except SqlSyntaxError as error:
        return None, [_syntax(body.source, error.problem)]
    if problems:
        return None, problems
    if len(statements) == 1 and statements[0].kind == "SELECT":
        return Check(title, statements[0]), []
    place = body.solid[0].start if body.solid else max(body.section.start - 1, 0)
    found = f"{len(statements)} statements" if len(statements) != 1 else statements[0].kind
    hint = "write one SELECT that gives no rows, or only true, where all is well."
    return None, [body.source.problem(place, f"a check is one query, and this is {found}", hint)]


def read_query(title: str, text: str) -> Check:
    """The check that a notebook's cell holds. Raises MigrationFileError where it is no query."""
    raw = text.encode(errors="surrogatepass")
    problem = _undecodable(title, raw)
    lexed = lex(b"" if problem else raw)
    source = Source(title, lexed.text, find_secrets(lexed.text, lexed))
    check, problems = (None, [problem]) if problem else read_check(title, Body(source, lexed, Section(0, len(raw))))
    if check is None:
        raise MigrationFileError(problems[0], state="nothing was run.")
    return check


def _position(problem: Problem) -> tuple[int, int]:
    return problem.place.line, problem.place.column or 0


def _unwritten(body: Body) -> list[Problem]:
    """The fault of a section that is still the template's: run, it would do nothing and count as done."""
    if not is_placeholder(body.text):
        return []
    hint = "write SQL; or for a deliberate no-op, another comment."
    return [body.source.problem(body.section.start, "this is still the empty template", hint)]


def _syntax(source: Source, problem: SyntaxProblem) -> Problem:
    """What the scanner or the parser refused, without the whole rest of the file and without a password."""
    message, near, token = problem.message.partition(_NEAR)
    token = token[1:-1]
    hint = problem.hint
    if message.startswith("unterminated"):
        opening = _DOLLARS.match(token)
        hint = f"{opening[0]} opens it, and only the same closes it." if opening else hint
    elif near:
        hint = hint or _hint(token)
        token = source.shown(problem.offset, problem.offset + len(token.encode()))
        token = token if len(token) <= _LONGEST_TOKEN else token[:_LONGEST_TOKEN] + "…"
        message += f'{_NEAR}"{token}"'
    return source.problem(problem.offset, message, hint)


def _hint(token: str) -> str | None:
    """What helps with a token that the parser did not expect."""
    if token.startswith((":", "{", "%", "$")):
        return "nothing is replaced in the SQL: use --set name=value and current_setting('fsapi.name')."
    if _INVISIBLE.search(token):
        return "there is an invisible character here, such as a no-break space: type it anew."
    return None
