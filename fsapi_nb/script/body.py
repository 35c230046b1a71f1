"""Hold one section of a file with its tokens: its text, its COPY data, and the bytes of its checksum.

Knows nothing of statements: see `statements`.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field

from fsapi_nb.model.migration import ByteSource, CopyData
from fsapi_nb.script.checksum import as_token, tokens_between
from fsapi_nb.script.contents import MemoryContents, read_copy_data
from fsapi_nb.script.lexer import CopyBlock, Lexed
from fsapi_nb.script.sections import Section, Source
from fsapi_nb.script.tokens import COMMENTS, SyntaxProblem


@dataclass(slots=True)
class Body:
    """A section of a file with its tokens, and what the scanner refused in it.

    Its tokens are those of the file from `first` up to `last`. `contents` are the bytes of the file, from which large
    data is read again.
    """

    source: Source
    lexed: Lexed
    section: Section
    contents: ByteSource
    first: int = field(init=False)
    last: int = field(init=False)
    problem: SyntaxProblem | None = field(init=False)
    copies: tuple[CopyBlock, ...] = field(init=False)

    def __post_init__(self) -> None:
        start, end = self.section.start, self.section.end
        self.first = bisect.bisect_left(self.lexed.tokens.starts, start)
        self.last = bisect.bisect_left(self.lexed.tokens.starts, end)
        copies = self.lexed.copies
        self.copies = tuple(block for block in copies if start <= block.semicolon < end) if copies else ()
        problem = self.lexed.problem
        self.problem = problem if problem and start <= problem.offset <= end else None

    @property
    def text(self) -> str:
        """The section as it is written; one line replaces large data and says how much it is."""
        pieces = []
        position = self.section.start
        for block in self._left_out(position, self.section.end):
            lines = self.source.text.count(b"\n", block.start, block.end)
            notice = f"({block.size} bytes in {lines} lines are left out here, sha256:{block.digest})\n"
            pieces += [self.source.text[position : block.start], notice.encode()]
            position = block.end
        pieces.append(self.source.text[position : self.section.end])
        return b"".join(pieces).decode()

    @property
    def complete(self) -> bool:
        """Whether `text` is the whole section."""
        return not any(self._left_out(self.section.start, self.section.end))

    def solid(self) -> tuple[int, int] | None:
        """Return the first and the last token that is not a comment; None if there is none."""
        sorts = self.lexed.tokens.sorts[self.first : self.last]
        if not sorts.strip(COMMENTS):
            return None
        return self.last - len(sorts.lstrip(COMMENTS)), self.first + len(sorts.rstrip(COMMENTS)) - 1

    def comments(self) -> list[int]:
        """Return the numbers of the comments among its tokens."""
        found = self.lexed.comments
        return found[bisect.bisect_left(found, self.first) : bisect.bisect_left(found, self.last)]

    def hashed(self) -> Iterator[bytes]:
        """Yield the checksum's input: the tokens, the COPY data, and all text after a scanner's error."""
        tokens, text, first = self.lexed.tokens, self.source.text, self.first
        breaks: list[tuple[int, CopyBlock | None]] = [(index, None) for index in self.comments()]
        breaks += [(bisect.bisect_left(tokens.starts, block.semicolon), block) for block in self.copies]
        for index, block in sorted(breaks, key=_index) if self.copies else breaks:
            if block is None:
                yield from tokens_between(text, tokens, first, index)
            elif index < self.last:
                yield from tokens_between(text, tokens, first, index + 1)
                yield from as_token(read_copy_data(self.data(block)))
            first = index + 1
        yield from tokens_between(text, tokens, first, self.last)
        if self.problem:
            yield from as_token(self.written(self.problem.offset, self.section.end))

    def written(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the file's bytes between two places in the text, with the data that the text leaves out."""
        for block in self._left_out(start, end):
            yield self.source.text[start : block.start]
            yield from read_copy_data(self.data(block))
            start = block.end
        yield self.source.text[start:end]

    def data(self, block: CopyBlock) -> CopyData:
        """Return a COPY's data as it can be sent."""
        contents, start = self.contents, block.origin
        if block.kept:
            contents, start = MemoryContents(self.source.file, self.source.text[block.start : block.end]), 0
        return CopyData(self.source.line(block.start), block.size, block.digest, contents, start)

    def _left_out(self, start: int, end: int) -> Iterator[CopyBlock]:
        return (block for block in self.copies if not block.kept and start <= block.start and block.end <= end)


def _index(found: tuple[int, CopyBlock | None]) -> int:
    return found[0]
