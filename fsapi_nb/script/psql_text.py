r"""Write SQL so that psql sends it to the server as it is.

psql reads a script before the server does: outside of quotes and comments it puts its variables in the place of `:name`
and executes commands, such as `\! program`, and it ends a statement by its own idea of CREATE FUNCTION. Where a string
ends depends on `standard_conforming_strings` and on the encoding, which any function may have set before. A statement
that psql would read otherwise is sent by `\gexec`, which gives the text of a string to the server untouched.
"""

from __future__ import annotations

import re

from fsapi_nb.script.scan import scan
from fsapi_nb.script.tokens import PLAIN, TEXT
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.sql import quote_literal

# psql's variables: `:name`, `:'name'`, `:"name"`, `:{?name}`. A byte of another alphabet is a letter to psql.
_VARIABLE = re.compile(rb"""(?<!:):(?=[A-Za-z0-9_\x80-\xff'"{])""")
_ROUTINE = re.compile(r"CREATE (?:FUNCTION|PROCEDURE)")
_BEGIN = re.compile(rb"\bbegin\b", re.IGNORECASE)
# Without `standard_conforming_strings` such a quote does not end a string, and the next one does: what is in a string
# would be SQL and psql's commands.
_ESCAPED_QUOTE = re.compile(rb"\\'")
_TAG = "fsapi_nb"


def for_psql(text: str, kind: str) -> str:
    r"""Return a statement of that kind with the semicolon that ends it, or the `\gexec` that sends it."""
    if not is_read_otherwise(text, kind):
        # A comment at the end of the statement would hide the semicolon.
        return f"{text}\n;" if "--" in text.rpartition("\n")[2] else f"{text};"
    tag = dollar_tag(text)
    return f"SELECT {tag}{text}{tag}\n\\gexec"


def is_read_otherwise(text: str, kind: str) -> bool:
    """Return whether psql would send another text than this statement of that kind."""
    written = text.encode()
    in_body = _ROUTINE.match(kind) is not None and _BEGIN.search(written) is not None
    if not (in_body or _VARIABLE.search(written) or _ESCAPED_QUOTE.search(written)):
        return False
    tokens, _, _ = scan(written)
    for sort, start, end in zip(tokens.sorts, tokens.starts, tokens.ends, strict=True):
        word = written[start:end]
        if sort == TEXT[0] and word[:1] in b"'nN" and _ESCAPED_QUOTE.search(word):
            return True
        if word == b":" and _VARIABLE.match(written, start):
            return True
        if in_body and sort == PLAIN[0] and _BEGIN.fullmatch(word):
            return True
    return False


def needs_encoding(text: str) -> bool:
    """Return whether psql, in another encoding, might take a quote for a part of a letter and find a command behind it."""
    return "\\" in text and not text.isascii()


def dollar_tag(text: str) -> str:
    """Return a dollar quote that the text does not contain."""
    tag, number = _TAG, 0
    while f"${tag}$" in text or text.endswith(f"${tag}"):
        number += 1
        tag = f"{_TAG}{number}"
    return f"${tag}$"


def literal(text: str) -> str:
    """Return a string literal that means the same whatever a script has set `standard_conforming_strings` to."""
    if "\\" not in text:
        return quote_literal(text)
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def comment(text: str) -> str:
    """Return the text as a comment of one line."""
    return f"-- {visible_line(text)}"


def echo(text: str) -> str:
    r"""Return psql's command that prints the text as one line."""
    return f"\\echo {quoted(visible_line(text))}"


def quoted(text: str) -> str:
    """Return a text of one line as an argument of psql's commands."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
