"""Read the comments that switch rules off, in squawk's form and with its meaning. Pure.

`-- squawk-ignore RULE, RULE` switches them off for what begins in its own line or the next; `-- squawk-ignore-file RULE`
for the file; `-- squawk-ignore-file` alone switches off all. What follows a second `--` is a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fsapi_nb.model.migration import Migration
from fsapi_nb.script.lexer import lex

_MARK = b"squawk-ignore"
_COMMENT = re.compile(rb"(?:--|/\*)\s*squawk-ignore(-file)?(?![\w-])(.*?)(?:--.*|\*/)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ignores:
    """The rules that are switched off: in the whole file, `everything` of it, and by the line of their comment."""

    everything: bool = False
    file: frozenset[str] = frozenset()
    lines: Mapping[int, frozenset[str]] = field(default_factory=dict)

    def has(self, rule: str, line: int) -> bool:
        """Return whether a rule is switched off for what begins in that line."""
        near = self.lines.get(line, frozenset()) | self.lines.get(line - 1, frozenset())
        return self.everything or rule in self.file or rule in near


def read_ignores(migration: Migration) -> Ignores:
    """Return what the comments of a migration's file switch off."""
    source = migration.up.written.source.encode()
    if _MARK not in source:
        return Ignores()
    everything, file, lines = False, set[str](), dict[int, frozenset[str]]()
    for line, is_file, names in _comments(source):
        if not is_file:
            lines[line] = names
        elif names:
            file |= names
        else:
            everything = True
    return Ignores(everything, frozenset(file), lines)


def _comments(source: bytes) -> Iterator[tuple[int, bool, frozenset[str]]]:
    """Yield each such comment: its line, whether it is about the file, and the rules that it names."""
    lexed = lex([source])
    for index in lexed.comments:
        start, end = lexed.tokens.starts[index], lexed.tokens.ends[index]
        found = _COMMENT.fullmatch(lexed.code[start:end].strip())
        if found:
            names = (name.strip().decode(errors="replace") for name in found[2].split(b","))
            yield lexed.code.count(b"\n", 0, start) + 1, bool(found[1]), frozenset(name for name in names if name)
