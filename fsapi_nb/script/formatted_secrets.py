"""Find the secrets that are put into the text of a statement: by `format('... PASSWORD %L', ...)`, by EXECUTE '... $1' USING ..."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fsapi_nb.script.literal_owner import Backwards, content_of, opening_of
from fsapi_nb.script.parsed_secrets import secret_parameters
from fsapi_nb.script.tokens import CLOSE, END, OPEN, TEXT, Tokens
from fsapi_nb.text.secrets import is_no_secret, is_secret_name, may_hold_secret

_IN_FORMAT = re.compile(r"%(?:%|(?P<number>\d+\$)?-?\d*(?P<kind>[sIL]))")
_NAME_BEFORE = re.compile(r"(?<![\w.])([\w.]+)['\"]?\s*(?:=>|:=|=|\bto\b)?\s*'*$", re.IGNORECASE)


def formatted_secrets(text: bytes, tokens: Tokens, index: int) -> dict[int, tuple[int, int]]:
    """Return the contents of the literals that are put into the statement in a literal as secrets, by their tokens."""
    before = Backwards(text, tokens, index)
    word = next(before, "").lower()
    if word == "(":
        called = next(before, "").lower() == "format"
    else:
        called = word == "execute"
    content = content_of(text, tokens, index) if called else ""
    if not content or not may_hold_secret(content.encode()):
        return {}
    content = content.replace("''", "'")
    if word == "execute":
        return dict(_literals(text, tokens, index, secret_parameters(content.encode()), behind=b"using"))
    return dict(_literals(text, tokens, index, set(_in_format(content)), behind=b","))


def _literals(
    text: bytes, tokens: Tokens, index: int, wanted: set[int], *, behind: bytes
) -> Iterator[tuple[int, tuple[int, int]]]:
    """The literals among the arguments of these numbers, of which the first stands behind that word."""
    argument = depth = 0
    for at in range(index + 1, len(tokens) if wanted else 0):
        sort = tokens.sorts[at : at + 1]
        if (sort == CLOSE and not depth) or sort == END:
            return
        depth += (sort == OPEN) - (sort == CLOSE)
        if not depth and text[tokens.starts[at] : tokens.ends[at]].lower() == (b"," if argument else behind):
            argument += 1
        elif argument in wanted and not depth and sort == TEXT:
            inside = opening_of(text, tokens.starts[at], tokens.ends[at])
            if inside is not None and not is_no_secret(content_of(text, tokens, at)):
                yield at, inside


def _in_format(form: str) -> Iterator[int]:
    """The numbers of the arguments that a format puts in as secrets: behind the name of one, or in its place."""
    statement, position, number = "", 0, 0
    for match in _IN_FORMAT.finditer(form):
        statement += form[position : match.start()]
        position = match.end()
        if match[0] == "%%":
            continue
        number = int(match["number"][:-1]) if match["number"] else number + 1
        statement += "x" if match["kind"] == "I" else f"${number}"
        name = _NAME_BEFORE.search(form, 0, match.start())
        if name and is_secret_name(name[1]):
            yield number
    yield from secret_parameters(f"{statement}{form[position:]}".encode())
