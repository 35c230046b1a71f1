"""Find the secrets in SQL, and star them in text that is shown or stored.

In SQL they are found by PostgreSQL's tokens, so that a starred text has the same tokens as before; in comments and
messages by patterns. A literal is a secret if a name says so: `literal_owner` looks for the name beside the literal,
also in text that does not parse; `parsed_secrets` looks in the tree of the statement; `text.secrets` judges the name.
"""

from __future__ import annotations

import bisect
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from fsapi_nb.script.copied_secrets import find_copied
from fsapi_nb.script.formatted_secrets import formatted_secrets
from fsapi_nb.script.lexer import Lexed, lex
from fsapi_nb.script.literal_owner import opening_of, owner_of
from fsapi_nb.script.parsed_secrets import Literal, created_tables, find_parsed
from fsapi_nb.script.parser import tokenize
from fsapi_nb.script.secret_places import Tables
from fsapi_nb.script.tokens import BLOCK_COMMENT, COMMENTS, TEXT, Tokens
from fsapi_nb.text.secrets import MARKS, SHAPES, STARS, WORDS, is_no_secret, is_secret_name, may_hold_secret

Span = tuple[int, int]

_N = WORDS.encode()
_LOOKED_INTO = re.compile(rb"[" + re.escape(COMMENTS + TEXT) + rb"]")
_STARTS = (*MARKS, b"set_config", b"build_object")
_QUOTED_STARS = f"'{STARS}'"  # for a word without quotes: the stars must be one token, too
_BODIES = 3  # levels of bodies within bodies that are read as SQL; a deeper one is text

# In any text: a URL's password, JSON's, and a literal after a name, its apostrophes doubled or not.
_URL = re.compile(rb"://[^\s:/@'\"]*:([^\s@/'\"]+)@")
# Where the name of a parameter may begin. A lookbehind keeps the cost of a list of addresses linear.
_PARAMETER = (
    rb"(?:"
    + rb"|".join(rb"(?<=[?&]%s)" % each for each in (b"", b"access_", b"auth_", b"client_", b"id_", b"refresh_"))
    + rb")"
)
_IN_URL = re.compile(_PARAMETER + _N + rb"=([^\s'\"&#]{4,})", re.IGNORECASE)
# Texts with the form of a token, and one in the header of a request.
_SHAPED = re.compile(rb"(?<![\w-])(" + SHAPES.encode() + rb")|(?i:bearer\s+)(?=[^\s'\"]*\d)([\w.~+/=-]{8,})")
_JSON = re.compile(_N + rb'"\s*:\s*(?:"((?:[^"\\]|\\.)+)"|\[\s*"([^\]]+)"\s*\])', re.IGNORECASE)
_JOINED = rb"\s*(?:=>|:=|=|\bto\b)\s*"
_DECLARED = rb"\s+(?:constant\s+)?[\w.%]+(?:\(\d+\))?(?:\s+not\s+null)?\s*(?::=|=|\bdefault\b)\s*"
# A literal that ends in the word is a name, and the quote after it closes it: `current_setting('app.password')`.
_CAST = rb"(?:\"?\)?::[\w. ]{1,40}?(?:\(\d+\))?)?"  # as the server writes a comparison: `(api_key)::text = '...'`
_NAMED = rb"(?:password\s+|(?<![\w.'])password|" + _N + rb"(?:" + _CAST + _JOINED + rb"|" + _DECLARED + rb"))"
_ENDS = rb"(?!\s+\|\|)"  # not after a quote that closed a text: `'... PASSWORD ' || quote_literal(...)`
_DOUBLED = re.compile(_NAMED + rb"e?''" + _ENDS + rb"((?:[^']|'''')+)(?:''|$)", re.IGNORECASE)
_QUOTED = re.compile(_NAMED + rb"e?'" + _ENDS + rb"((?:[^']|'')+)(?:'|$)", re.IGNORECASE)
_DOLLARS = re.compile(_NAMED + rb"\$\w*\$([^$]+)", re.IGNORECASE)
_PAIR = re.compile(
    rb"(?:set_config|build_object)\s*\((?:[^();]{0,200},)?\s*'[\w.]{0,60}" + _N + rb"'\s*,\s*e?'([^']+)", re.IGNORECASE
)
# In a comment: a value after a name and a colon, unless more words follow it, as in a sentence.
_REMARK = re.compile(
    _N + rb"['\"]?[ \t]*[:=][ \t]*['\"]?(?![<${*])((?!\w*://)[^\s'\"(]{4,})(?=['\"]|[ \t]*(?:\*/|$))"
    rb"|" + _N + rb"['\"]?[ \t]*[:=][ \t]*(?![<${*])((?!\w*://)(?=[^\s(]*\d)[^\s'\"(]{4,})(?=\s)",
    re.IGNORECASE | re.MULTILINE,
)
_MISQUOTED = re.compile(rb'password(?:\s+|\s*=\s*)"([^"]+)', re.IGNORECASE)
# In the address of a server: `host=... password=...`.
_ADDRESS = re.compile(rb"\s*\w+\s*=")
_VERBS = rb"(?:insert|update|delete|select|with|merge|create|alter|do|set|copy)\b"
_STATEMENT = re.compile(rb"\s*" + _VERBS, re.IGNORECASE)
# A statement that a message of any language quotes: `SQL statement "INSERT ..."`, `LINE 1: INSERT ...`.
_IN_MESSAGE = re.compile(rb"(?:\A|[\"\xbb\x9e\x9c\xab:])\s*(" + _VERBS + rb")", re.IGNORECASE)
_ANYWHERE = (_URL, _IN_URL, _SHAPED)
_IN_ADDRESS = re.compile(rb"password\s*=\s*(?:\\?'{1,2}([^'\\]+)|([^\s'&;]+))", re.IGNORECASE)


def redact_line(line: str) -> str:
    """Return a line of SQL, or a message about it, with every secret in it starred."""
    text = line.encode(errors="replace")
    if not may_hold_secret(text):
        return line
    spans: list[Span | Literal] = [
        *_in_text(text, 0, len(text), *_ANYWHERE, _JSON, _DOUBLED, _QUOTED, _DOLLARS, _MISQUOTED, _PAIR)
    ]
    quoted = _IN_MESSAGE.search(text)
    if quoted:
        spans += _in_body(text[quoted.start(1) :], quoted.start(1), 1)
    return star(text, _in_order(spans), 0, len(text)) if spans else line


def holds_secret(text: str) -> bool:
    """Return whether a text of SQL holds a secret that would be starred."""
    return bool(find_secrets(text.encode(errors="replace")))


def secret_lines(text: str) -> list[int]:
    """Return the numbers of the lines in which a secret begins; secrets that are stars do not count."""
    written = text.encode(errors="replace")
    found = (start for start, end, _ in find_secrets(written) if written[start:end] != STARS.encode())
    return sorted({written.count(b"\n", 0, start) + 1 for start in found})


def written_secrets(text: str) -> Iterator[str]:
    """Yield the secrets of a text of SQL as the server knows them, to hide them in its messages."""
    written = text.encode(errors="replace")
    for start, end, _ in find_secrets(written):
        yield written[start:end].decode(errors="replace").replace("''", "'")


def redact_sql(text: str, *, of: str = "") -> str:
    """Return a text of SQL with every secret in it starred, to be stored; its other tokens are the same.

    Args:
        text: A whole script.
        of: The file that it is a part of. The columns of the tables that are created there are known.
    """
    written = text.encode()
    secrets = find_secrets(written, of=of.encode())
    return star(written, secrets, 0, len(written)) if secrets else text


def redact_statements(script: str, statements: Sequence[str], *, of: str = "") -> list[str]:
    """Return the statements of a script with every secret in them starred.

    Args:
        script: The text of the script.
        statements: Texts that follow one another in it.
        of: The file that the script is a part of.
    """
    written = script.encode()
    secrets = find_secrets(written, of=of.encode())
    if not secrets:
        return list(statements)
    found, end = [], 0
    for statement in statements:
        sought = statement.encode()
        start = written.find(sought, end)
        if start < 0:  # the script is a shortened one, without this
            found.append(redact_sql(statement, of=of))
            continue
        end = start + len(sought)
        found.append(star(written, secrets, start, end))
    return found


def star(text: bytes, secrets: Sequence[Literal], start: int, end: int) -> str:
    """Return the text from `start` to `end` with the secrets in it starred.

    Args:
        text: A text in UTF-8.
        secrets: Its secrets, in order and without overlaps, as `find_secrets` returns them.
        start: Where the part begins.
        end: Where the part ends.
    """
    pieces: list[bytes] = []
    position = start
    for first, last, quoted in secrets[bisect.bisect_right(secrets, start, key=_end) :]:
        if first >= end:
            break
        pieces += [text[position:first], (STARS if quoted else _QUOTED_STARS).encode()]
        position = last
    pieces.append(text[position:end])
    return b"".join(pieces).decode(errors="replace")


def find_secrets(text: bytes, lexed: Lexed | None = None, *, of: bytes = b"") -> list[Literal]:
    """Return the places of the secrets in a text of SQL, in order and without overlaps.

    A place is the bytes between the quotes.

    Args:
        text: A file, or a part of one.
        lexed: The tokens of the text, if the caller has them.
        of: The file that the text is a part of, if it is not the whole file.
    """
    if not may_hold_secret(of or text):
        return []
    lexed = lexed or lex([text], largest=len(text))

    @cache
    def tables() -> Tables:
        file = lex([of]) if of else lexed
        return created_tables(file.code, file.tokens)

    spans: list[Span | Literal] = [*_among(lexed.code, lexed.tokens, 0, tables), *find_copied(lexed, tables)]
    for block in lexed.copies:
        spans += _in_text(text, block.start, block.end, *_ANYWHERE, _JSON)
    if lexed.problem:
        before = lexed.tokens.starts[-2:]  # `PASSWORD =`, if the scanner refused the literal after it
        start = before[0] if before else lexed.problem.offset
        found = _in_text(text, start, len(text), *_ANYWHERE, _JSON, _DOUBLED, _QUOTED, _DOLLARS)
        spans += [span for span in found if span[0] >= lexed.problem.offset]
    return _in_order(spans)


def _in_order(spans: Iterable[Span | Literal]) -> list[Literal]:
    """Return the secrets in order and without overlaps; of secrets within one another, only the outer one."""
    found: list[Literal] = []
    for span in sorted((Literal(*span) for span in spans), key=lambda span: (span.start, -span.end)):
        if not found or span.end > found[-1].end:
            found.append(span if not found else span._replace(start=max(span.start, found[-1].end)))
    return found


def _among(text: bytes, tokens: Tokens, bodies: int, tables: Callable[[], Tables] = dict) -> Iterator[Span | Literal]:
    """Yield the secrets in these tokens, which are `bodies` quoted bodies deep."""
    if TEXT in tokens.sorts or b"set" in text.lower():
        yield from find_parsed(text, tokens, _starts(text.lower()), tables)
    formatted: dict[int, Span] = {}
    for match in _LOOKED_INTO.finditer(tokens.sorts):
        index = match.start()
        start, end = tokens.starts[index], tokens.ends[index]
        if match[0] != TEXT:
            closing = 2 if match[0] == BLOCK_COMMENT else 0
            yield from _in_text(text, start, end - closing, *_ANYWHERE, _JSON, _DOUBLED, _QUOTED, _REMARK)
        elif index in formatted:
            yield formatted.pop(index)
        else:
            formatted.update(formatted_secrets(text, tokens, index))
            yield from _in_literal(text, (start, end), owner_of(text, tokens, index), bodies)


def _in_literal(text: bytes, literal: Span, owner: str, bodies: int) -> Iterable[Span | Literal]:
    """Return the secrets in a literal whose owner has a name."""
    inside = opening_of(text, *literal)
    if inside is None:
        return []
    start, end = inside
    in_dollars = text[literal[0] : literal[0] + 1] == b"$"
    if is_secret_name(owner):
        return [] if is_no_secret(text[start:end].decode(errors="replace")) else [(start, end)]
    if not may_hold_secret(text[start:end]):
        return []
    if owner.lower() == "connection" or _ADDRESS.match(text, start, end):
        # Between dollar quotes it may be a body of another language.
        return _in_text(text, start, end, *_ANYWHERE, _IN_ADDRESS, *((_QUOTED,) if in_dollars else ()))
    if in_dollars and bodies < _BODIES:
        return _in_body(text[start:end], start, bodies + 1)
    found = _in_text(text, start, end, *_ANYWHERE, _JSON, _QUOTED if in_dollars else _DOUBLED)
    if bodies < _BODIES and _STATEMENT.match(text, start, end):
        return [*found, *_in_doubled(text[start:end], start, bodies + 1)]
    return found


def _in_doubled(written: bytes, start: int, bodies: int) -> Iterator[Literal]:
    """Yield the secrets in a statement that a literal holds, in which each apostrophe is doubled."""
    places, position = array("i"), 0  # the place in the literal of each byte of the statement
    for part in written.split(b"''"):
        places.extend(range(position, position + len(part) + 1))
        position += len(part) + 2
    for first, last, quoted in _in_body(written.replace(b"''", b"'"), 0, bodies):
        yield Literal(start + places[first], start + places[last - 1] + 1, quoted)


def _in_body(body: bytes, start: int, bodies: int) -> list[Literal]:
    """Return the secrets in a quoted body: as SQL up to the scanner's first error, as text after it."""
    tokens, problem = tokenize(body)
    spans = list(_among(body, tokens, bodies))
    if problem:
        spans += _in_text(body, problem.offset, len(body), *_ANYWHERE, _JSON, _QUOTED)
    return [Literal(first + start, last + start, quoted) for first, last, quoted in _in_order(spans)]


def _in_text(text: bytes, start: int, end: int, *patterns: re.Pattern[bytes]) -> list[Span]:
    """Return what the patterns find between two places, in order; of overlapping finds only the first.

    Each pattern begins with one of `_STARTS`, and is tried only there.
    """
    found = [
        match.span(match.lastindex)
        for place in _starts(text[start:end].lower())
        for pattern in patterns
        if (match := pattern.match(text, start + place, end)) and match.lastindex
    ]
    spans: list[Span] = []
    for span in sorted(found):
        if not spans or span[0] >= spans[-1][1]:
            spans.append(span)
    return spans


def _starts(lowered: bytes) -> set[int]:
    """Return where one of the patterns may begin."""
    places: set[int] = set()
    for mark in _STARTS:
        place = lowered.find(mark)
        while place >= 0:
            places.add(place)
            place = lowered.find(mark, place + 1)
    return places


def _end(span: Literal) -> int:
    return span.end
