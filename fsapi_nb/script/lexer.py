r"""Scan a whole file, with psql's commands and the data of `COPY ... FROM stdin` set aside.

The data is not SQL and may hold anything (one apostrophe would mislead the scanner), so it is found first, statement by
statement, and blanked out; line numbers stay as they are. Large data is not kept: the file is read in pieces, and a
seed of any size takes no more memory than its SQL. Knows nothing of sections.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fsapi_nb.script.scan import Span, blanked, scan
from fsapi_nb.script.tokens import CLOSE, COMMENTS, END, OPEN, SyntaxProblem, Tokens

#: Bytes of one COPY's data that are kept in memory and in the database, at most: nobody reads more.
LARGEST_KEPT = 1 << 16
_END_OF_DATA = re.compile(rb"\n(\\\.\r?)(?=\n)")
_END_OF_FILE = re.compile(rb"\n(\\\.\r?)\Z")
_LOOK = 1 << 16  # bytes that are made lower case at once to look for a word
_LONGEST_END = len(b"\n\\.\r")
_LONE_RETURN = re.compile(rb"\r(?=[^\r\n])")
_COMMENT = re.compile(rb"[" + re.escape(COMMENTS) + rb"]")
_LEVELS = re.compile(rb"[" + re.escape(OPEN + CLOSE + END) + rb"]")


@dataclass(frozen=True, slots=True)
class CopyBlock:
    """The place of one COPY's data in the text: from `start` to `end`; SQL goes on at `after`.

    `semicolon` is where the COPY ends. The data has `size` bytes with the SHA-256 `digest`, and begins in the file at
    `origin`. If it is not `kept`, the text has only its line ends.
    """

    semicolon: int
    start: int
    end: int
    after: int
    size: int
    digest: str
    origin: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Lexed:
    """A file's tokens and COPY blocks; `problem` says where the scanner stopped before the end.

    `text` is the file without the data of large blocks; `code` is the same with all data and psql's `commands` blanked;
    `comments` are the numbers of the tokens that are comments.
    """

    text: bytes
    code: bytes
    tokens: Tokens
    comments: list[int]
    copies: tuple[CopyBlock, ...]
    problem: SyntaxProblem | None
    commands: tuple[Span, ...] = ()


def lex(chunks: Iterable[bytes], *, skipped: int = 0, largest: int = LARGEST_KEPT) -> Lexed:
    """Scan a whole file. Linear in its length: COPY is looked for only before the word `stdin`.

    Args:
        chunks: The file in pieces. They are read as they are needed.
        skipped: How many bytes of the file are before the first piece (a byte order mark).
        largest: How many bytes of one COPY's data are kept, at most.
    """
    reader = _Reader(chunks, skipped, largest)
    tokens = Tokens()
    copies: list[CopyBlock] = []
    commands: list[Span] = []
    position = 0
    problem: SyntaxProblem | None = None
    while problem is None and (before := _next_copy(reader, position)):
        tokens.extend(before[0])
        commands += before[1]
        block, problem = _find_data(reader, tokens.starts[-1])
        copies.append(block)
        position = block.after
    text = reader.rest()
    code = _without_data(text, copies)
    if problem is None:
        found, more, problem = scan(code[position:] if copies else code, position)
        commands += more
        if copies:
            tokens.extend(found)
        else:
            tokens = found
    if commands:
        code = blanked(code, commands)
    lone = _lone_return(code, tokens, problem)
    if lone:
        problem = lone
        tokens.cut(bisect.bisect_left(tokens.starts, lone.offset))
    comments = [match.start() for match in _COMMENT.finditer(tokens.sorts)]
    return Lexed(text, code, tokens, comments, tuple(copies), problem, tuple(commands))


class _Reader:
    """The text of a file as far as it has been read. It reads more if a search needs it."""

    def __init__(self, chunks: Iterable[bytes], skipped: int, largest: int) -> None:
        self._largest = largest
        self._chunks = iter(chunks)
        self.text: bytes | bytearray = next(self._chunks, b"")
        self._shift = skipped  # how many bytes of the file before here are not in the text

    def rest(self) -> bytes:
        """Read to the end and return the whole text."""
        while self._more():
            pass
        return bytes(self.text)

    def _more(self) -> bool:
        piece = next(self._chunks, None)
        if piece is None:
            return False
        self._changeable().extend(piece)
        return True

    def _changeable(self) -> bytearray:
        if not isinstance(self.text, bytearray):
            self.text = bytearray(self.text)
        return self.text

    def find_word(self, word: bytes, start: int) -> int | None:
        """Return where the next occurrence of a word at or after `start` ends; None if there is none.

        The word is found in upper and lower case.
        """
        while True:
            while start + len(word) <= len(self.text):
                found = self.text[start : start + _LOOK].lower().find(word)
                if found >= 0:
                    return start + found + len(word)
                start = min(start + _LOOK, len(self.text)) - len(word) + 1
            if not self._more():
                return None

    def find(self, byte: bytes, start: int) -> int:
        """Return where the byte occurs next, at or after `start`; the text's end if it does not."""
        while True:
            found, length = self.text.find(byte, start), len(self.text)
            if found >= 0:
                return found
            if not self._more():
                return length
            start = max(start, length)

    def take_data(self, semicolon: int, start: int) -> tuple[CopyBlock, bool]:
        r"""Return the block of data that begins at `start`, and whether it has an end.

        Large data is removed from the text. A line that is just `\.` ends it, also at the end of the file.
        """
        data = _Data(self._largest)
        if end := _END_OF_DATA.search(self.text, start - 1):
            stop, after = end.span(1)
            data.add(self.text[start:stop])
            mark: int | None = after - stop
        else:
            stop, mark = start, self._read_data(data, start)
        if not end or data.kept is None:
            self._changeable()[start:stop] = data.shown()
        stop = start + len(data.shown())
        origin = start + self._shift
        self._shift += data.size - (stop - start)
        kept = data.kept is not None
        block = CopyBlock(semicolon, start, stop, stop + (mark or 0), data.size, data.digest(), origin, kept)
        return block, mark is not None

    def _read_data(self, data: _Data, start: int) -> int | None:
        r"""Read to the end of the data that begins at `start`, and remove it from the text.

        Returns the length of the `\.` line that ends it, which stays in the text; None if there is none.
        """
        window = (
            b"\n" + self.text[start:]
        )  # the line end before the data, so that the pattern sees its first line begin
        del self._changeable()[start:]
        while not (end := _END_OF_DATA.search(window)):
            piece = next(self._chunks, None)
            if piece is None:
                end = _END_OF_FILE.search(window)
                break
            # The end may be divided between two pieces: the bytes from the last line end on stay in the window.
            last = window.rfind(b"\n", -_LONGEST_END)
            cut = last if last >= 0 else len(window) - 1
            data.add(window[1 : cut + 1])
            window = window[cut:] + piece
        data.add(window[1 : end.start() + 1 if end else len(window)])
        self._changeable().extend(window[end.start(1) :] if end else b"")
        return len(end[1]) if end else None


class _Data:
    """A COPY's data while it is read: its size, digest and lines; its bytes, too, until they are too many."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self.size = 0
        self.kept: bytearray | None = bytearray()
        self._lines = 0
        self._digest = hashlib.sha256()

    def add(self, piece: bytes | bytearray) -> None:
        """Add the next piece."""
        self.size += len(piece)
        self._lines += piece.count(b"\n")
        self._digest.update(piece)
        if self.size > self._largest:
            self.kept = None
        if self.kept is not None:
            self.kept += piece

    def shown(self) -> bytes | bytearray:
        """Return what replaces the data in the text: only its line ends if it is large."""
        return b"\n" * self._lines if self.kept is None else self.kept

    def digest(self) -> str:
        """Return the SHA-256 of the data."""
        return self._digest.hexdigest()


def _next_copy(reader: _Reader, position: int) -> tuple[Tokens, list[Span]] | None:
    """Return the tokens and commands up to the end of the next `COPY ... FROM stdin`; else None."""
    end = position
    while (candidate := reader.find_word(b"stdin", end)) is not None:
        # Each scan is twice as long as the one before, so that `stdin` in many comments costs no more than in one.
        end = reader.find(b"\n", reader.find(b";", max(candidate, 2 * end - position)))
        tokens, commands, _ = scan(bytes(reader.text[position:end]), position)
        last = _end_of_copy(reader.text, tokens)
        if last is not None:
            semicolon = tokens.starts[last]
            tokens.cut(last + 1)
            return tokens, [command for command in commands if command[0] < semicolon]
    return None


def _end_of_copy(text: bytes | bytearray, tokens: Tokens) -> int | None:
    """Return the number of the semicolon that ends the first `COPY ... FROM stdin`; None if there is none."""
    first = depth = 0
    for match in _LEVELS.finditer(tokens.sorts):
        if match[0] != END:
            depth = depth + 1 if match[0] == OPEN else max(depth - 1, 0)
        elif depth == 0:
            if _copies_stdin(text, tokens, first, match.start()):
                return match.start()
            first = match.end()
    return None


def _copies_stdin(text: bytes | bytearray, tokens: Tokens, first: int, last: int) -> bool:
    """Return whether these tokens are a `COPY ... FROM stdin`, by the words outside of parentheses."""
    words: list[bytes | bytearray] = []
    depth = 0
    for index in range(first, last):
        sort = tokens.sorts[index : index + 1]
        if sort in COMMENTS:
            continue
        depth = max(depth + (sort == OPEN) - (sort == CLOSE), 0)
        if depth == 0:
            words.append(text[tokens.starts[index] : tokens.ends[index]].upper())
        if words[:1] != [b"COPY"]:
            return False
    return (b"FROM", b"STDIN") in itertools.pairwise(words)


def _find_data(reader: _Reader, semicolon: int) -> tuple[CopyBlock, SyntaxProblem | None]:
    """Return the block of data after the COPY that ends at a semicolon, and what is wrong with it."""
    start = min(reader.find(b"\n", semicolon) + 1, len(reader.text))
    beside, commands, fault = scan(bytes(reader.text[semicolon + 1 : start]))
    block, ended = reader.take_data(semicolon, start)
    solid = [offset for offset, sort in zip(beside.starts, beside.sorts, strict=True) if sort not in COMMENTS]
    for offset in [*solid, *(start for start, _ in commands), *([fault.offset] if fault else [])]:
        hint = "the data begins in the next line: only a comment is allowed here."
        message = "SQL after COPY ... FROM stdin; on the same line"
        return block, SyntaxProblem(message, semicolon + 1 + offset, hint)
    if not ended:
        return block, SyntaxProblem("the inline data of this COPY has no end: a line that is just \\.", semicolon)
    return block, None


def _without_data(text: bytes, copies: Sequence[CopyBlock]) -> bytes:
    """Return the text with all data blanked, the line that ends it included."""
    return blanked(text, ((block.start, block.after) for block in copies)) if copies else text


def _lone_return(code: bytes, tokens: Tokens, problem: SyntaxProblem | None) -> SyntaxProblem | None:
    r"""Return the first `\r` without `\n` between tokens; None if there is none.

    PostgreSQL ends a line there; most editors, and the search for markers, do not. So text that looks like the rest of
    a comment would run, and a marker after it would not count.
    """
    end = problem.offset if problem else len(code)
    for match in _LONE_RETURN.finditer(code, 0, end):
        index = bisect.bisect_right(tokens.starts, match.start()) - 1
        if index < 0 or tokens.ends[index] <= match.start():
            hint = "save the file with line feeds (LF or CRLF) as line ends."
            return SyntaxProblem("a carriage return without a line feed", match.start(), hint)
    return None
