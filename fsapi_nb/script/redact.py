"""Where passwords stand in SQL, so that they can be starred: in what is shown, and in what is stored.

Found by PostgreSQL's tokens where there are any, so that a starred text is cut into the same tokens as before;
by patterns in comments and messages. A password that nothing names as one (`INSERT ... VALUES`) is not found.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence

from fsapi_nb.script.lexer import Lexed, lex
from fsapi_nb.script.parser import tokenize
from fsapi_nb.script.tokens import BLOCK_COMMENT, COMMENTS, EQUALS, TEXT, Tokens

Span = tuple[int, int]

STARS = "***"
_PERHAPS = re.compile(rb"passw|passphrase|://", re.IGNORECASE)
_NAME = re.compile(rb"\w*(?:password|passwd|passphrase)", re.IGNORECASE)
_OPENING = re.compile(rb"(?:[ebxn]|u&)?'|\$[^$]*\$", re.IGNORECASE)
_LOOKED_INTO = re.compile(rb"[" + re.escape(COMMENTS + TEXT) + rb"]")
_BODIES = 3  # how deep bodies within bodies are looked into; deeper ones are text

# In any text: a URL's password, JSON's, and a literal after the word, its apostrophes doubled or not.
_URL = re.compile(rb"://[^\s:/@'\"]*:([^\s@/'\"]+)@")
_JSON = re.compile(rb'"\w*passw(?:or)?d"\s*:\s*"([^"]+)"', re.IGNORECASE)
_DOUBLED = re.compile(rb"password\s*(?:=\s*)?e?''((?:[^']|'''')+)(?:''|$)", re.IGNORECASE)
_QUOTED = re.compile(rb"password\s*(?:=\s*)?e?'((?:[^']|'')+)(?:'|$)", re.IGNORECASE)
_DOLLARS = re.compile(rb"password\s*(?:=\s*)?\$\w*\$([^$]+)", re.IGNORECASE)
_MISQUOTED = re.compile(rb'password(?:\s+|\s*=\s*)"([^"]+)', re.IGNORECASE)
# In the address of a server: `host=... password=...`.
_ADDRESS = re.compile(rb"\s*\w+\s*=")
_IN_ADDRESS = re.compile(rb"password\s*=\s*(?:\\?'{1,2}([^'\\]+)|([^\s'&;]+))", re.IGNORECASE)


def redact_line(line: str) -> str:
    """A line of SQL, or a message about it, with every password literal in it starred, so that it can be shown."""
    text = line.encode(errors="replace")
    spans = _in_text(text, 0, len(text), _URL, _JSON, _DOUBLED, _QUOTED, _DOLLARS, _MISQUOTED)
    return star(text, list(spans), 0, len(text)) if spans else line


def holds_secret(text: str) -> bool:
    """Return whether a text of SQL holds a password that would be starred."""
    return bool(find_secrets(text.encode(errors="replace")))


def redact_sql(text: str) -> str:
    """A whole text of SQL with every password in it starred, so that it can be stored; the same tokens otherwise."""
    written = text.encode()
    secrets = find_secrets(written)
    return star(written, secrets, 0, len(written)) if secrets else text


def star(text: bytes, secrets: Sequence[Span], start: int, end: int) -> str:
    """The text from `start` to `end` with the secrets in it starred; they are in order and do not overlap."""
    pieces: list[bytes] = []
    position = start
    for first, last in secrets[bisect.bisect_right(secrets, start, key=_end) :]:
        if first >= end:
            break
        pieces += [text[position:first], STARS.encode()]
        position = last
    pieces.append(text[position:end])
    return b"".join(pieces).decode(errors="replace")


def find_secrets(text: bytes, lexed: Lexed | None = None) -> list[Span]:
    """Where passwords stand in a file: the bytes between the quotes, in order."""
    if not _PERHAPS.search(text):
        return []
    lexed = lexed or lex([text], largest=len(text))
    spans = list(_among(text, lexed.tokens, 0))
    if lexed.problem:
        before = lexed.tokens.starts[-2:]  # `PASSWORD =`, where the literal is what the scanner refused
        start = before[0] if before else lexed.problem.offset
        found = _in_text(text, start, len(text), _URL, _JSON, _DOUBLED, _QUOTED, _DOLLARS)
        spans += [span for span in found if span[0] >= lexed.problem.offset]
    return spans


def _among(text: bytes, tokens: Tokens, bodies: int) -> Iterator[Span]:
    """The secrets in those tokens, which are `bodies` quoted bodies deep."""
    for match in _LOOKED_INTO.finditer(tokens.sorts):
        start, end = tokens.starts[match.start()], tokens.ends[match.start()]
        if match[0] == TEXT:
            yield from _in_literal(text, (start, end), _word_before(text, tokens, match.start()), bodies)
        else:
            closing = 2 if match[0] == BLOCK_COMMENT else 0
            yield from _in_text(text, start, end - closing, _URL, _JSON, _DOUBLED, _QUOTED)


def _word_before(text: bytes, tokens: Tokens, index: int) -> bytes:
    """The token before that one, comments and an equals sign aside."""
    index -= 1
    while index >= 0 and tokens.sorts[index] in COMMENTS + EQUALS:
        index -= 1
    return text[tokens.starts[index] : tokens.ends[index]].strip(b'"') if index >= 0 else b""


def _in_literal(text: bytes, literal: Span, word: bytes, bodies: int) -> Iterable[Span]:
    """The secrets in a literal that follows that word."""
    opening = _OPENING.match(text, literal[0])
    if opening is None:
        return []
    in_dollars = opening[0].startswith(b"$")
    start, end = opening.end(), literal[1] - (len(opening[0]) if in_dollars else 1)
    if _NAME.fullmatch(word):
        return [(start, end)] if end > start else []
    if not _PERHAPS.search(text, start, end):
        return []
    if word.lower() == b"connection" or _ADDRESS.match(text, start, end):
        return _in_text(text, start, end, _URL, _IN_ADDRESS)
    if in_dollars and bodies < _BODIES:
        return _in_body(text[start:end], start, bodies + 1)
    return _in_text(text, start, end, _URL, _JSON, _QUOTED if in_dollars else _DOUBLED)


def _in_body(body: bytes, start: int, bodies: int) -> list[Span]:
    """The secrets in a quoted body, which is mostly SQL or PL/pgSQL; as text from where it is neither."""
    tokens, problem = tokenize(body)
    spans = list(_among(body, tokens, bodies))
    if problem:
        spans += _in_text(body, problem.offset, len(body), _URL, _JSON, _QUOTED)
    return [(first + start, last + start) for first, last in spans]


def _in_text(text: bytes, start: int, end: int, *patterns: re.Pattern[bytes]) -> list[Span]:
    """What the patterns find between two places, in order; of what overlaps the first."""
    found = [
        match.span(match.lastindex)
        for pattern in patterns
        for match in pattern.finditer(text, start, end)
        if match.lastindex
    ]
    spans: list[Span] = []
    for span in sorted(found):
        if not spans or span[0] >= spans[-1][1]:
            spans.append(span)
    return spans


def _end(span: Span) -> int:
    return span[1]
