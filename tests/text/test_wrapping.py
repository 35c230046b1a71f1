"""Long lines of errors are broken between words where their width is known, and nothing that must stay whole is broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsapi_nb.errors import FsapiError, QueryFailed
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.server import ServerMessage
from fsapi_nb.text.wrap import COLUMNS, wrap


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("short", ["short"]),
        ("", [""]),
        ("one two three four", ["one two", "  three", "  four"]),
        ("  → one two three", ["  → one", "    two", "    three"]),
        ("a_word_that_is_longer and", ["a_word_that_is_longer", "  and"]),
        ("say `x --to y` now", ["say", "  `x --to y`", "  now"]),
        ("one `two three", ["one `two", "  three"]),
        ("名名名 名名", ["名名名", "  名名"]),
        ("cafe\u0301 cafe\u0301", ["cafe\u0301 cafe\u0301"]),
        ("  12 | SELECT 1, 2, 3", ["  12 | SELECT 1, 2, 3"]),
        ("     |           ^", ["     |           ^"]),
        ("    12 | SELECT 1, 2", ["    12 | SELECT 1, 2"]),
    ],
)
def test_a_line_is_broken_between_words(line: str, lines: list[str]) -> None:
    """What follows stands further in; a command stays whole, and so does a line of SQL with its caret."""
    assert wrap(line, 9) == lines


@given(line=st.text(alphabet="ab `→|^ 1名", max_size=60), columns=st.integers(1, 30))
def test_nothing_is_lost_by_breaking_a_line(line: str, columns: int) -> None:
    """But for the blanks at which it is broken."""
    assert "".join("".join(wrap(line, columns)).split()) == "".join(line.split())


def test_an_error_in_a_notebook_is_broken_between_words() -> None:
    """JupyterLab breaks a longer line anywhere, within a word, too; the error itself has its lines as they are."""
    error = FsapiError("word " * 30, state="word " * 30, hint="read `a command of several words` " * 10)
    lines = error._render_traceback_()
    assert max(map(len, str(error).splitlines())) > COLUMNS >= max(map(len, lines))
    assert "".join("".join(lines).split()) == "".join(f"FsapiError: {error}".split())
    assert all(line.count("`") % 2 == 0 for line in lines)


@pytest.mark.parametrize("column", [1, 90, 149])
def test_a_caret_stays_under_its_column(column: int) -> None:
    """However long the line of SQL is."""
    sql = "x" * (column - 1) + "!" + "y" * (150 - column)
    error = QueryFailed(ServerMessage("42601", "no"), place=SourceLocation("query", 1, column, sql), state="unchanged.")
    lines = error._render_traceback_()
    (source,) = (line for line in lines if line.startswith("  1 | "))
    (caret,) = (line for line in lines if line.startswith("    | "))
    assert source[caret.index("^")] == "!"
