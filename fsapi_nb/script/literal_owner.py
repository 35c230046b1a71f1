"""Say what a literal of SQL belongs to: the option, variable, column, argument or setting whose value it is.

Looks at the few tokens around it, so that it costs nothing that grows with the text, and also works in what does not parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fsapi_nb.script.tokens import COMMENTS, TEXT, Tokens
from fsapi_nb.text.secrets import is_prose, is_secret_name

_OPENING = re.compile(rb"(?:[ebxn]|u&)?'|\$[^$]*\$", re.IGNORECASE)
_JOINING = frozenset({"=", "=>", ":=", "to", "default"})
_DECLARING = frozenset({"=", ":=", "default"})
# What stands between a variable's or a column's name and its default: a type, and what it must be.
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
_MOST_ARGUMENTS = 24  # tokens that are looked back over for the function that a pair is an argument of
_LABEL = re.compile(r"[^\W\d]+( [^\W\d]+)*")
_OF_PAIRS = re.compile(r"set_config|jsonb?_build_object|hstore|jsonb?_object", re.IGNORECASE)


def opening_of(text: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Return where the content of a literal begins and ends; None if it is no literal."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    return opening.end(), end - (len(opening[0]) if opening[0].startswith(b"$") else 1)


def owner_of(text: bytes, tokens: Tokens, index: int) -> str:
    """Return the name of what a literal is the value of, as far as the tokens before it tell; else an empty text."""
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
    """Return the name of what an expression is assigned to, or is the default of, which begins with that token."""
    before = Backwards(text, tokens, index)
    next(before, "")
    name = next(before, "").strip('"')
    return name if is_secret_name(name) else _declared(name, before)


def _declared(word: str, before: Backwards) -> str:
    """The name in front of a type (`password CONSTANT text NOT NULL :=`), that word being the last of the type."""
    words = [word]
    for _ in range(_LONGEST_TYPE):
        if not _OF_A_TYPE.fullmatch(word) or word.lower() in _NO_TYPE:
            return ""
        word = next(before, "")
        if word.lower() in _BOUNDARIES or (word == "(" and not words[-1].isdigit()):
            return words[-1].strip('"')
        words.append(word)
    return ""


def _is_a_pair(before: Backwards, value: str) -> bool:
    """Whether a name, which the tokens before have just given, and the value behind it are a setting's or a row's."""
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
            # A row: of a table of settings rather than one of words.
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
    """Return what stands between the quotes of a literal; nothing for another token."""
    inside = opening_of(text, tokens.starts[index], tokens.ends[index])
    return text[slice(*inside)].decode(errors="replace") if inside else ""


class Backwards(Iterator[str]):
    """The tokens in front of one, the nearest first, without comments."""

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
        """Whether the next token is a literal."""
        return self._index >= 0 and self._tokens.sorts[self._index] == TEXT[0]

    def literal(self) -> str:
        """The content of the literal that is the next token."""
        content = content_of(self._text, self._tokens, self._index)
        self._skip()
        return content
