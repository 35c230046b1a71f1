"""The messages of one step: collected until they are sent, each with the position of the run that its answer means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from psycopg.pq.abc import PGresult

from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import Session
from fsapi_nb.run.position import RunPosition
from fsapi_nb.run.row_tally import RowTally

_MOST = 1 << 20  # bytes: of a long script no more than so much is held twice


class PassedOver(Exception):
    """An earlier batch failed: this one was skipped by the server, and the pipeline is empty."""


@dataclass(slots=True)
class Batch:
    """Messages with their places; `arrived` is called with each position as the server comes to it.

    `took` are the seconds that the history says of what was recorded, in order, once that is answered. `before` goes in
    front of the first of them, and `then` behind the last, each in a transaction of its own. `tally` counts the rows that their
    statements change.
    """

    session: Session
    arrived: Callable[[RunPosition], None]
    before: Sequence[Message] = ()
    then: Sequence[Message] = ()
    took: list[float | None] = field(default_factory=list)
    tally: RowTally = field(default_factory=RowTally)
    _lines: list[tuple[RunPosition, Message]] = field(default_factory=list)
    _size: int = 0

    def add(self, at: RunPosition, *messages: Message) -> None:
        """Append these messages; what was collected before may be sent for that, and waited for."""
        size = sum(len(message.text) for message in messages)
        if self._lines and self._size + size > _MOST:
            self.exchange()
        self._lines += [(at, message) for message in messages]
        self._size += size

    def exchange(self) -> None:
        """Send what was collected, and wait for all the answers. Raises as `receive` does."""
        if self._lines:
            self._send(last=True)
            self.receive()

    def send(self, *, last: bool = False) -> None:
        """Send what was collected behind what is under way, and `then`. With `last`, nothing is sent behind that."""
        self._send(self.then, last=last)

    def _send(self, then: Sequence[Message] = (), *, last: bool) -> None:
        messages = [message for _, message in self._lines]
        self.session.send(messages, awaited=self._awaited(), before=self.before, then=then, last=last)

    def receive(self) -> bytes:
        """Wait for the answers of what was sent; return the command tag of the last one.

        Raises psycopg.Error, for the position that was announced last, and PassedOver.
        """
        lines, tag = self._lines, b""

        def answered(number: int, result: PGresult) -> None:
            nonlocal tag
            at = lines[number][0]
            if at.statement:
                self.tally.add(at.part.direction, at.statement, result.command_status)
            elif at.recording and result.ntuples:
                milliseconds = result.get_value(0, 0)
                self.took.append(int(milliseconds) / 1000 if milliseconds else None)
            if number + 1 == len(lines):
                tag = result.command_status or b""
            elif lines[number + 1][0] is not at:
                self.arrived(lines[number + 1][0])

        if not self.session.prelude_succeeded():
            raise PassedOver
        self.arrived(lines[0][0])
        self.session.receive(len(lines), answered)
        self._lines, self._size, self.before = [], 0, ()
        return tag

    def _awaited(self) -> set[int]:
        """Return the numbers of those whose answers tell that a statement begins or has ended, or that all is done."""
        statements = {number for number, (at, _) in enumerate(self._lines) if at.statement}
        return statements | {number - 1 for number in statements if number} | {len(self._lines) - 1}
