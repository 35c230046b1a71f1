"""Find the secrets that format() and EXECUTE ... USING put into the text of a statement."""

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
    """Return the literals that are put as secrets into the statement that a literal holds.

    Args:
        text: SQL, or a body in PL/pgSQL.
        tokens: The tokens of the text.
        index: The number of the literal that holds the statement.

    Returns:
        For each secret, by the number of its token: where its content begins and ends.
    """
    before = Backwards(text, tokens, index)
    word = next(before, "").lower()
    called = next(before, "").lower() == "format" if word == "(" else word == "execute"
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
    """Yield the literals among the arguments with these numbers; the first one follows the word `behind`."""
    argument = depth = 0
    for number in range(index + 1, len(tokens) if wanted else 0):
        sort = tokens.sorts[number : number + 1]
        if (sort == CLOSE and not depth) or sort == END:
            return
        depth += (sort == OPEN) - (sort == CLOSE)
        if not depth and text[tokens.starts[number] : tokens.ends[number]].lower() == (b"," if argument else behind):
            argument += 1
        elif argument in wanted and not depth and sort == TEXT:
            inside = opening_of(text, tokens.starts[number], tokens.ends[number])
            if inside is not None and not is_no_secret(content_of(text, tokens, number)):
                yield number, inside


def _in_format(form: str) -> Iterator[int]:
    """Yield the numbers of a format's arguments that are secrets, by a name before them or by the tree."""
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
