"""Count the rows that statements change, by what the server answers: no question is asked.

A seed has a hundred thousand INSERTs: they are counted in groups, and only the first of a group is parsed, once the
migration is complete. Statements of a group begin with the same text up to where their table is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fsapi_nb.actions.target import target_of
from fsapi_nb.model.migration import Direction, Statement
from fsapi_nb.model.outcome import ChangedRows

_CHANGING = frozenset({b"INSERT", b"UPDATE", b"DELETE", b"MERGE", b"COPY"})
# What answers with the rows of a query that fills a new table; of any other query nothing has changed.
_FILLING = frozenset({"CREATE TABLE AS", "CREATE MATERIALIZED VIEW"})
# The text before this names the table of such a statement.
_BEHIND_TABLE = {b"INSERT": "(", b"UPDATE": " SET ", b"DELETE": " WHERE ", b"COPY": "("}
_MOST = 1000  # groups of a migration; the rest is counted together
_LONGEST = 200  # characters of the beginning of a group


@dataclass(slots=True)
class _Count:
    """Statements that change rows of one table; `text` is the first of them, `beginning` what all begin with."""

    direction: Direction
    command: bytes
    beginning: str
    text: str
    rows: int = 0
    statements: int = 0

    def has(self, text: str) -> bool:
        """Return whether a statement with the same answer is one of them: a whole text may begin another table's name."""
        return text == self.text or (len(self.beginning) < len(self.text) and text.startswith(self.beginning))


@dataclass(slots=True)
class RowTally:
    """The rows that statements have changed, in groups."""

    _groups: dict[tuple[Direction, bytes, str], _Count] = field(default_factory=dict)
    _last: _Count | None = None
    _last_tag: bytes | None = None
    _last_rows: int = 0

    def add(self, direction: Direction, statement: Statement, tag: bytes | None) -> None:
        """Count what the server answered to a statement, such as `INSERT 0 5`."""
        last = self._last
        # Nearly all statements of a seed are like the one before, and so is their answer.
        if last and tag == self._last_tag and direction is last.direction and last.has(statement.text):
            last.rows += self._last_rows
            last.statements += 1
            return
        command, _, rest = (tag or b"").partition(b" ")
        if command not in _CHANGING and not (command == b"SELECT" and _may_fill(statement)):
            return
        group = self._last = self._group(direction, command, statement.text)
        self._last_tag, self._last_rows = tag, int(rest.rpartition(b" ")[2] or 0)
        group.rows += self._last_rows
        group.statements += 1

    def _group(self, direction: Direction, command: bytes, text: str) -> _Count:
        beginning = _beginning(text, command)
        if len(self._groups) >= _MOST and (direction, command, beginning) not in self._groups:
            beginning = text = ""
        return self._groups.setdefault((direction, command, beginning), _Count(direction, command, beginning, text))

    def take(self, other: RowTally) -> None:
        """Add what another tally has counted."""
        for key, each in other._groups.items():
            group = self._groups.setdefault(key, _Count(each.direction, each.command, each.beginning, each.text))
            group.rows += each.rows
            group.statements += each.statements

    def changed(self, direction: Direction) -> tuple[ChangedRows, ...]:
        """Return the rows that were changed in that direction: a sum for each command and table, in order."""
        sums: dict[tuple[str, str], ChangedRows] = {}
        for group in self._groups.values():
            if group.direction is not direction:
                continue
            command, table = group.command.decode(), target_of(group.text) if group.text else ""
            if command == "SELECT" and not table:
                continue
            before = sums.get((command, table), ChangedRows(command, table, 0, 0))
            sums[command, table] = before._replace(
                rows=before.rows + group.rows, statements=before.statements + group.statements
            )
        return tuple(sums.values())


def _may_fill(statement: Statement) -> bool:
    """Return whether a statement that answers with the rows of a query may have filled a table with them."""
    kind = statement.traits.kind
    return kind in _FILLING or (kind == "SELECT" and "into" in statement.text.lower())


def _beginning(text: str, command: bytes) -> str:
    """Return the text up to where a statement has named its table; all of it if that is not certain."""
    mark = _BEHIND_TABLE.get(command)
    word = command.decode()
    end = text.find(mark) if mark and text.startswith(word) else -1
    beginning = text[: end + len(mark or "")]
    # A quoted name, or a comment, may hold the mark.
    return (
        text
        if end < 0 or len(beginning) > _LONGEST or any(each in beginning for each in ('"', "--", "/*"))
        else beginning
    )
