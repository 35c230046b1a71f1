"""A file's bytes to a `Migration`: decode, scan, cut into sections, parse and classify each statement.

Pure: the bytes and the name come in, a value or its problems go out. Whether a script may *run* is decided
later; a DOWN with problems does not make a file unusable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fsapi_nb.errors import Place, Problem
from fsapi_nb.model import CopyData, Direction, Migration, Script, Statement
from fsapi_nb.script import classify
from fsapi_nb.script.checksum import checksum
from fsapi_nb.script.lexer import CopyBlock, Lexed, lex
from fsapi_nb.script.parser import (
    BACKSLASH,
    COMMENTS,
    SEMICOLON,
    STRINGS,
    RawStatement,
    SqlSyntaxError,
    SyntaxProblem,
    Token,
    parse,
)
from fsapi_nb.script.sections import Section, Sections, Source, find_sections
from fsapi_nb.script.template import is_placeholder

_BOM = b"\xef\xbb\xbf"
_OPTION = re.compile(r"--[ \t]*fsapi:[ \t]*(.*)")
_DURATION = re.compile(r"\d+(?:\.\d+)?(?:us|ms|s|min|h|d)?")
_BACKSLASH = {
    "restrict": "pg_dump writes it; remove this line and the \\unrestrict one.",
    "unrestrict": "pg_dump writes it; remove this line and the \\restrict one.",
    "connect": "a migration runs on one database; remove this line.",
    "c": "a migration runs on one database; remove this line.",
    "i": "copy the other file's SQL into this one.",
    "ir": "copy the other file's SQL into this one.",
    "include": "copy the other file's SQL into this one.",
    "copy": "write COPY ... FROM stdin; and the data below it, up to a line that is just \\.",
    "set": "use --set name=value and current_setting('fsapi.name').",
    ".": "there is no COPY ... FROM stdin; that this could end.",
}


def read_migration(name: str, raw: bytes) -> tuple[Migration | None, tuple[Problem, ...]]:
    """The migration that a file of that name holds; or None, and what is wrong with the file.

    Faults inside a section are problems of its `Script`, not of the file.
    """
    problem = _undecodable(name, raw)
    if problem:
        return None, (problem,)
    text = raw.removeprefix(_BOM)
    source, lexed = Source(name, text), lex(text)
    if not any(token.kind not in COMMENTS for token in lexed.tokens) and not lexed.problem:
        problem = _nothing_there(source, lexed)
        if problem:
            return None, (problem,)
    sections, problems = find_sections(source, lexed)
    if sections is None:
        return None, tuple(problems)
    if lexed.problem and not (sections.down and lexed.problem.offset >= sections.down.start):
        # After this place nothing is certain, not even where the DOWN begins.
        return None, (_syntax(source, lexed.problem),)
    return _build(source, lexed, sections), ()


def _build(source: Source, lexed: Lexed, sections: Sections) -> Migration:
    up = _Reader(source, lexed, sections.up, Direction.UP, sections.header)
    down = _Reader(source, lexed, sections.down, Direction.DOWN) if sections.down else None
    return Migration(
        name=source.file,
        up=up.script(),
        down=down.script() if down else None,
        checksum=checksum([up.contents(), down.contents() if down else None]),
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


def _nothing_there(source: Source, lexed: Lexed) -> Problem | None:
    """The fault of a file that holds neither SQL nor a marker: most likely it was never written."""
    if not source.text.strip():
        return Problem("this file is empty", Place(source.file, 1), "write `-- UP` and SQL below it, or delete it.")
    sections, problems = find_sections(source, lexed)
    if sections and sections.header.end == 0 and sections.up.start == 0:
        return Problem("this file holds no SQL", Place(source.file, 1), "for a deliberate no-op, add a line `-- UP`.")
    return problems[0] if problems else None


def _syntax(source: Source, problem: SyntaxProblem) -> Problem:
    hint = None
    if problem.message.startswith("unterminated"):
        # What follows "at or near" would be the whole rest of the file.
        problem = SyntaxProblem(problem.message.partition(" at or near")[0], problem.offset)
    if re.search(r'at or near ":', problem.message):
        hint = "psql variables are not replaced here: use --set name=value and current_setting('fsapi.name')."
    return source.problem(problem.offset, problem.message, hint)


@dataclass
class _Reader:
    """Reads one section: its tokens, its options, its statements."""

    source: Source
    lexed: Lexed
    section: Section
    direction: Direction
    header: Section | None = None

    def __post_init__(self) -> None:
        start, end = self.section.start, self.section.end
        self.tokens = [token for token in self.lexed.tokens if start <= token.start < end]
        self.solid = [token for token in self.tokens if token.kind not in COMMENTS]
        self.copies = {block.semicolon: block for block in self.lexed.copies}
        problem = self.lexed.problem
        self.lexical = problem if problem and start <= problem.offset <= end else None

    def contents(self) -> Iterator[bytes]:
        """What the checksum is taken over: the tokens, the COPY data, and what follows a scanner's error."""
        text = self.source.text
        for token in self.solid:
            yield text[token.start : token.end]
            block = self.copies.get(token.start)
            if block:
                yield text[block.start : block.end]
        if self.lexical:
            yield text[self.lexical.offset : self.section.end]

    def script(self) -> Script:
        options, problems = self._options()
        statements: tuple[Statement, ...] = ()
        unparsed = False
        if self.direction is Direction.UP and is_placeholder(self._text()):
            problems.append(self.source.problem(self.section.start, "this is still the empty template", "write SQL."))
        backslashes = list(self._backslashes())
        problems += backslashes
        if self.lexical:
            problems.append(_syntax(self.source, self.lexical))
            unparsed = True
        elif not backslashes:
            try:
                statements = tuple(self._statements(problems))
            except SqlSyntaxError as error:
                shifted = SyntaxProblem(str(error), error.problem.offset + self.section.start)
                problems.append(_syntax(self.source, shifted))
                unparsed = True
        return Script(
            direction=self.direction,
            text=self._text(),
            first_line=self.source.line(self.section.start),
            statements=statements,
            problems=tuple(problems),
            unparsed=unparsed,
            options=options,
        )

    def _text(self) -> str:
        return self.source.text[self.section.start : self.section.end].decode()

    def _statements(self, problems: list[Problem]) -> Iterator[Statement]:
        section = self.section
        trees = parse(self.lexed.text[section.start : section.end])
        wants_strings = any(classify.enum_value(raw.tree) for raw in trees)
        position, index = section.start, 0
        for raw in trees:
            while self.solid[index].kind == SEMICOLON:  # that of the statement before, and of empty ones
                position, index = self._after(self.solid[index]), index + 1
            first = index
            while index < len(self.solid) and self.solid[index].end <= raw.end + section.start:
                index += 1
            block = self.copies.get(self.solid[index].start) if index < len(self.solid) else None
            yield self._statement(raw, self.solid[first:index], position, block, wants_strings, problems)
        leftover = [token for token in self.solid[index:] if token.kind != SEMICOLON]
        if leftover:  # Never seen; but text that silently does not run would be the worst of faults.
            problems.append(self.source.problem(leftover[0].start, "PostgreSQL's parser did not cover this text"))

    def _after(self, semicolon: Token) -> int:
        """Where SQL goes on after a semicolon: behind it, or behind the COPY data that follows."""
        block = self.copies.get(semicolon.start)
        return block.after if block else semicolon.end

    def _statement(
        self,
        raw: RawStatement,
        tokens: list[Token],
        position: int,
        block: CopyBlock | None,
        wants_strings: bool,
        problems: list[Problem],
    ) -> Statement:
        text, tree = self.source.text, raw.tree
        copy = CopyData(text[block.start : block.end], self.source.line(block.start)) if block else None
        start = position + len(text[position : tokens[0].start]) - len(text[position : tokens[0].start].lstrip())
        refusal = classify.unsupported(tree) or (_no_data(tree) if copy is None else None)
        if refusal:
            problems.append(self.source.problem(tokens[0].start, *refusal))
        return Statement(
            text=text[start : tokens[-1].end].decode(),
            text_line=self.source.line(start),
            line=self.source.line(tokens[0].start),
            kind=classify.kind_of(tree),
            rule=classify.rule_of(tree),
            copy=copy,
            adds_enum_value=classify.enum_value(tree),
            creates_type=classify.created_type(tree),
            creates_schema=classify.created_schema(tree),
            creates_extension=classify.created_extension(tree),
            creates_index=classify.concurrent_index(tree),
            begin_options=classify.begin_options(tree),
            changes_session=classify.changes_session(tree),
            strings=_strings(text, tokens) if wants_strings else (),
        )

    def _backslashes(self) -> Iterator[Problem]:
        """psql's commands, one problem a line."""
        line = 0
        for token in self.solid:
            if token.kind == BACKSLASH and self.source.line(token.start) != line:
                line = self.source.line(token.start)
                match = re.match(rb"\\(\.|\w+)", self.source.text[token.start : token.start + 40])
                name = match[1].decode(errors="replace") if match else ""
                hint = _BACKSLASH.get(name, "write it as SQL, or remove it: only psql understands it.")
                yield self.source.problem(token.start, f"psql's command \\{name} is not SQL", hint)

    def _options(self) -> tuple[Mapping[str, str], list[Problem]]:
        """The `-- fsapi: name=value` lines before the first statement (for UP, also above the marker)."""
        options: dict[str, str] = {}
        problems: list[Problem] = []
        end = self.solid[0].start if self.solid else self.section.end
        starts = self.header.start if self.header else self.section.start
        for token in self.lexed.tokens:
            if token.kind != "SQL_COMMENT" or not starts <= token.start < end:
                continue
            match = _OPTION.fullmatch(self.source.text[token.start : token.end].decode().strip())
            if match:
                name, _, value = (word.strip() for word in match[1].partition("="))
                fault = _bad_option(name, value)
                if fault:
                    problems.append(self.source.problem(token.start, *fault))
                options[name] = value
        return options, problems


def _bad_option(name: str, value: str) -> tuple[str, str] | None:
    """What is wrong with an option of a file, and what to write instead."""
    if name in {"lock_timeout", "statement_timeout"}:
        if _DURATION.fullmatch(value):
            return None
        return f"{name}={value} is no duration", f"write for example {name}=10s (units: ms, s, min, h)."
    if name == "transaction":
        return None if value == "off" else (f"transaction={value} means nothing", "the only value is transaction=off.")
    return f"there is no option {name!r}", "the options are lock_timeout, statement_timeout and transaction=off."


def _no_data(tree: object) -> tuple[str, str] | None:
    """The fault of a `COPY ... FROM stdin` that no data follows."""
    name, node = classify.node_of(tree)
    if name == "copy_stmt" and node.is_from and not node.filename:
        return "COPY ... FROM stdin without data", "end it with a semicolon and put the data below, up to a line \\."
    return None


def _strings(text: bytes, tokens: list[Token]) -> tuple[str, ...]:
    return tuple(text[token.start : token.end].decode() for token in tokens if token.kind in STRINGS)
