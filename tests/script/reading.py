"""Short ways to read a text as a migration, for tests; and texts to read, for Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st

from fsapi_nb.model.migration import Migration
from fsapi_nb.model.place import Problem
from fsapi_nb.script.migration import read_migration

NAME = "2026_01_01_00_00_test.sql"

#: The same examples on every machine, and few: the suite is run often.
quick = settings(derandomize=True, deadline=None, max_examples=200)


def read(text: str | bytes) -> Migration:
    """The migration of a text that is one."""
    migration, problems = read_migration(NAME, text.encode() if isinstance(text, str) else text)
    assert migration is not None, [problem.lines() for problem in problems]
    return migration


def refuse(text: str | bytes) -> tuple[Problem, ...]:
    """What is wrong with a file that cannot be used."""
    migration, problems = read_migration(NAME, text.encode() if isinstance(text, str) else text)
    assert migration is None
    assert problems
    return problems


def all_problems(text: str | bytes) -> list[Problem]:
    """What is wrong with a file or with its scripts."""
    migration, problems = read_migration(NAME, text.encode() if isinstance(text, str) else text)
    if migration is None:
        return list(problems)
    return [*migration.up.parsed.problems, *(migration.down.parsed.problems if migration.down else ())]


@dataclass(frozen=True)
class Written:
    """A statement as it was put into a file: the comments before it, itself, and its COPY data."""

    gap: str
    core: str
    data: str | None = None


@dataclass(frozen=True)
class File:
    """A file's text, and what was put into it."""

    text: str
    up: tuple[Written, ...]
    down: tuple[Written, ...] | None


CORES = (
    "SELECT 1",
    "CREATE TABLE naïve (id int, \"a;b\" text DEFAULT ';')",
    "INSERT INTO t VALUES ('it''s; -- UP\n-- DOWN\n', E'\\';', '/*')",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n-- DOWN\n  RETURN NEW; -- it's\nEND;\n$$",
    "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS $body$ SELECT 1; $$;$$ $body$",
    "CREATE FUNCTION h() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)",
    "UPDATE \"Größe\" SET a = '😀', b = 'stdin;' WHERE c ? '\\.'",
    "DO $$ BEGIN PERFORM 1; END $$",
    "SELECT a /* nested /* comment; */ -- UP\n */ FROM t -- it's; stdin;\n WHERE b",
    "CREATE INDEX CONCURRENTLY i ON t (a)",
    "COMMENT ON TABLE t IS 'COPY t FROM stdin;'",
    "BEGIN",
    "COMMIT",
)
DATA = ("", "1\tit's\n", 'a\\.b\n\\\\.\n $$ -- UP\n-- DOWN\n/* "\n', "é\t\\N\n;\n\\. \n")
GAPS = (
    "",
    " ",
    "\n",
    "\n\n\t",
    "-- a comment; it's one\n",
    " /* one; $$ */ ",
    "\n  -- up to date\n",
    "/* a\n-- DOWN\n*/\n",
)

written = st.one_of(
    st.builds(Written, st.sampled_from(GAPS), st.sampled_from(CORES)),
    st.builds(Written, st.sampled_from(GAPS), st.just("COPY t (a, b) FROM STDIN"), st.sampled_from(DATA)),
)


@st.composite
def files(draw: st.DrawFn) -> File:
    """A file of statements, blanks and comments between them, UP and DOWN where they may be, LF or CRLF."""
    up = tuple(draw(st.lists(written, min_size=1, max_size=6)))
    down = draw(st.none() | st.lists(written, max_size=4).map(tuple))
    header = draw(st.sampled_from(("", "-- about this\n", "\n\n/* x */\n")))
    text = f"{header}-- UP\n{_joined(up)}" + ("" if down is None else f"\n-- DOWN\n{_joined(down)}")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
        up, down = _with_returns(up), None if down is None else _with_returns(down)
    return File(text, up, down)


def _joined(statements: tuple[Written, ...]) -> str:
    pieces = []
    for each in statements:
        pieces.append(f"{each.gap}{each.core};")
        if each.data is not None:
            pieces.append(f" -- data\n{each.data}\\.\n")
    return "".join(pieces)


def _with_returns(statements: tuple[Written, ...]) -> tuple[Written, ...]:
    def crlf(text: str) -> str:
        return text.replace("\n", "\r\n")

    return tuple(
        Written(crlf(each.gap), crlf(each.core), None if each.data is None else crlf(each.data)) for each in statements
    )
