"""What a run says to the server next, collected until an answer is needed, and where the run is while it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from psycopg.pq.abc import PGresult

from fsapi_nb.database.connection import Session
from fsapi_nb.database.failures import Whereabouts
from fsapi_nb.database.pipeline import Message

_MOST = 1 << 20  # bytes: of a long script no more than so much is held twice


@dataclass(slots=True)
class Batch:
    """Messages with their places; `arrived` is told each place as the server comes to it.

    `before` goes in front of the first of them, outside of their transaction.
    """

    session: Session
    arrived: Callable[[Whereabouts], None]
    before: Sequence[Message] = ()
    _lines: list[tuple[Whereabouts, Message]] = field(default_factory=list)
    _size: int = 0

    def add(self, at: Whereabouts, *messages: Message) -> None:
        """Say these, too; what was collected before may be sent for that."""
        size = sum(len(message.text) for message in messages)
        if self._lines and self._size + size > _MOST:
            self.send()
        self._lines += [(at, message) for message in messages]
        self._size += size

    def send(self, *, then: Sequence[Message] = ()) -> bytes:
        """Send what was collected, and wait for all the answers; the last one's command tag.

        `then` follows in the same go, whatever becomes of it. Raises psycopg.Error, for the place that was told last.
        """
        lines, self._lines, self._size = self._lines, [], 0
        before, self.before = self.before, ()
        tag = b""

        def answered(number: int, result: PGresult) -> None:
            nonlocal tag
            if number + 1 == len(lines):
                tag = result.command_status or b""
            elif lines[number + 1][0] is not lines[number][0]:
                self.arrived(lines[number + 1][0])

        if lines:
            self.arrived(lines[0][0])
            messages, awaited = [message for _, message in lines], _awaited(lines)
            self.session.exchange(messages, answered=answered, awaited=awaited, before=before, then=then)
        return tag


def _awaited(lines: Sequence[tuple[Whereabouts, Message]]) -> set[int]:
    """The numbers of those whose answer says that a migration's statement begins or has ended."""
    statements = {number for number, (at, _) in enumerate(lines) if at.statement}
    return statements | {number - 1 for number in statements}
