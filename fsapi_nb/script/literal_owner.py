"""Find the owner of a literal: the option, variable, column, argument or setting whose value it is.

Looks only at a few tokens around the literal, so that its cost does not grow with the text, and so that it also works
in text that does not parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fsapi_nb.script.tokens import COMMENTS, TEXT, Tokens
from fsapi_nb.text.secrets import is_prose, is_secret_name

_OPENING = re.compile(rb"(?:[ebxn]|u&)?'|\$[^$]*\$", re.IGNORECASE)
_JOINING = frozenset({"=", "=>", ":=", "to", "default"})
_DECLARING = frozenset({"=", ":=", "default"})
# The tokens between the name of a variable or a column and its default: a type, and constraints such as NOT NULL.
_OF_A_TYPE = re.compile(r"[^\W\d][\w$]*|\d+|[.()\[\]%]|\"[^\"]*\"")
_NO_TYPE = frozenset(
    [
        "and",
        "or",
        "where",
        "set",
        "when",
        "then",
        "else",
        "in",
        "is",
        "like",
        "select",
        "from",
        "on",
        "having",
        "returning",
        "values",
        "using",
    ]
)
_BOUNDARIES = frozenset({";", ",", "declare", "begin", "add", "column", "exists", "alter", ""})
_LONGEST_TYPE = 14  # tokens
_MOST_ARGUMENTS = 24  # tokens before a pair in which the function is looked for whose arguments it is
_LABEL = re.compile(r"[^\W\d]+( [^\W\d]+)*")
_OF_PAIRS = re.compile(r"set_config|jsonb?_build_object|hstore|jsonb?_object", re.IGNORECASE)


def opening_of(text: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Return where the content of a literal begins and ends; None if the token is not a literal."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    return opening.end(), end - (len(opening[0]) if opening[0].startswith(b"$") else 1)


def owner_of(text: bytes, tokens: Tokens, index: int) -> str:
    """Return the name of a literal's owner, as far as the tokens before it tell; else an empty text."""
    before = Backwards(text, tokens, index)
    word = next(before, "")
    if word == "," and before.is_literal_next():
        name = before.literal()
        return name if is_secret_name(name) and _is_a_pair(before, content_of(text, tokens, index)) else ""
    if word == "(":
        return "password" if next(before, "").lower() == "crypt" else ""
    if word.lower() not in _JOINING:
        return word.strip('"')
    name = next(before, "")
    if word.lower() == "default":
        name = next(before, "") if name.lower() == "set" else name
    if word.lower() in _DECLARING and not is_secret_name(name.strip('"')):
        return _declared(name, before)
    return name.strip('"')


def assigned_before(text: bytes, tokens: Tokens, index: int) -> str:
    """Return the name to which an expression is assigned, or whose default it is.

    The expression begins with the token `index`.
    """
    before = Backwards(text, tokens, index)
    next(before, "")
    name = next(before, "").strip('"')
    return name if is_secret_name(name) else _declared(name, before)


def _declared(word: str, before: Backwards) -> str:
    """Return the name before a type (`password text NOT NULL :=`) that ends with a word; else nothing."""
    words = [word]
    for _ in range(_LONGEST_TYPE):
        if not _OF_A_TYPE.fullmatch(word) or word.lower() in _NO_TYPE:
            return ""
        word = next(before, "")
        if word == "::":
            return _cast(before)
        if word.lower() == "as":  # CREATE DOMAIN name AS type DEFAULT
            return next(before, "").strip('"')
        if word.lower() in _BOUNDARIES or (word == "(" and not words[-1].isdigit()):
            return words[-1].strip('"')
        words.append(word)
    return ""


def _cast(before: Backwards) -> str:
    """Return the name that is cast, as the server writes a comparison: `(api_key)::text = ...`."""
    return next((word for word in before if word != ")"), "").strip('"')


def _is_a_pair(before: Backwards, value: str) -> bool:
    """Return whether a name and the value after it are a pair, by the tokens before the name."""
    depth = number = 0
    for word in _first(before, _MOST_ARGUMENTS):
        if word in {")", "]"}:
            depth += 1
        elif word in {"(", "["} and depth:
            depth -= 1
        elif word == "(":
            caller = next(before, "")
            if _OF_PAIRS.fullmatch(caller):
                return number % 2 == 0
            # It is a row: of a table of settings, unless the value is words.
            return caller.lower() in {"values", ","} and not (_LABEL.fullmatch(value) or is_prose(value))
        elif word == "," and not depth:
            number += 1
    return False


def _first(words: Iterator[str], count: int) -> Iterator[str]:
    for _ in range(count):
        word = next(words, "")
        if not word or word == ";":
            return
        yield word


def content_of(text: bytes, tokens: Tokens, index: int) -> str:
    """Return the text between the quotes of a literal; an empty text for another token."""
    inside = opening_of(text, tokens.starts[index], tokens.ends[index])
    return text[slice(*inside)].decode(errors="replace") if inside else ""


class Backwards(Iterator[str]):
    """The tokens before one, the nearest first, without comments."""

    def __init__(self, text: bytes, tokens: Tokens, index: int) -> None:
        self._text, self._tokens, self._index = text, tokens, index
        self._skip()

    def _skip(self) -> None:
        self._index -= 1
        while self._index >= 0 and self._tokens.sorts[self._index] in COMMENTS:
            self._index -= 1

    def __next__(self) -> str:
        if self._index < 0:
            raise StopIteration
        word = self._text[self._tokens.starts[self._index] : self._tokens.ends[self._index]]
        self._skip()
        return word.decode(errors="replace")

    def is_literal_next(self) -> bool:
        """Return whether the next token is a literal."""
        return self._index >= 0 and self._tokens.sorts[self._index] == TEXT[0]

    def literal(self) -> str:
        """Return the content of the literal that is the next token, and go on to the token before it."""
        content = content_of(self._text, self._tokens, self._index)
        self._skip()
        return content
