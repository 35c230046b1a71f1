"""A proxy between a client and PostgreSQL that counts the client's messages and does something at the n-th.

It knows how messages are framed, and nothing of what they say. What the server answers is framed as well, so that
"the answer is lost" means: the server has answered, and the client has not got it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_PORT = 5432
_OLDEST_PROTOCOL = 3 << 16
_CANCEL = 80877102
#: Behind these a client has nothing more to say before it is answered: a query, the end of a pipeline, COPY's end or
#: failure, a start.
WAITED_FOR = frozenset("QScf^")
#: These the server answers before it wants more: the same, and the request to answer what was said so far.
ANSWERED = WAITED_FOR | {"H"}


class Action(Enum):
    """What happens at the message that a rule names."""

    REQUEST_LOST = "the message never arrives, and the connection is cut"
    ANSWER_LOST = "the message arrives and is answered, and the connection is cut before the answer arrives"
    SILENT = "the message arrives, and nothing comes back while the connection stays"


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens at the client's message `number`, counted from one over all of its connections.

    `first` is called before the connection is cut; a client can be killed there.
    """

    number: int
    action: Action
    first: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Message:
    """A client's message, and the text of a query: `Q` a query, `P` one of a pipeline, which `E` runs, `H` the request to
    answer those, `S` the pipeline's end, `^` a start.
    """

    kind: str
    text: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether the server answers it before it wants more."""
        return self.kind in ANSWERED

    @property
    def is_waited_for(self) -> bool:
        """Whether the client waits behind it."""
        return self.kind in WAITED_FOR


class Proxy:
    """Listens on a socket in `folder`; `address` is how a client gets to the database behind it.

    `messages` are the client's messages so far.
    """

    def __init__(self, target: str, folder: Path, rule: Rule | None = None) -> None:
        self.address = make_conninfo(target, host=str(folder), port=_PORT, sslmode="disable", gssencmode="disable")
        self.messages: list[Message] = []
        self.fired = threading.Event()
        self._target = target
        self._rule = rule
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{_PORT}"))
        self._listener.listen()
        self._start(self._accept)

    def refuse(self) -> None:
        """Take no further connection; those that are open go on."""
        _cut(self._listener)

    def close(self) -> None:
        """Cut every connection, and end every thread."""
        with self._lock:
            sockets = [self._listener, *self._open]
        for each in sockets:
            _cut(each)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a thread of the proxy hangs"

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._start(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        """Pass on what one connection says, both ways, until either side ends it."""
        server = _connect(self._target)
        with client, server, self._known(client, server), contextlib.suppress(OSError, EOFError):
            self._converse(client, server)

    @contextlib.contextmanager
    def _known(self, *sockets: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.update(sockets)
        try:
            yield
        finally:
            with self._lock:
                self._open.difference_update(sockets)

    def _converse(self, client: socket.socket, server: socket.socket) -> None:
        with client.makefile("rb") as said:
            first = _first_message(said)
            if struct.unpack("!I", first[4:8])[0] == _CANCEL:
                server.sendall(first)
                server.recv(1)  # the server ends the connection once it has told the other session
                return
            answers = _Answers(client, server)
            answering = self._start(answers.pass_on)
            try:
                self._pass(first, Message("^"), answers)
                while True:
                    data = _message(said)
                    kind = chr(data[0])
                    self._pass(data, Message(kind, _text(kind, data)), answers)
            finally:
                _cut(client)
                _cut(server)
                answering.join()

    def _pass(self, data: bytes, message: Message, answers: _Answers) -> None:
        """Pass one message on, or do what the rule says; EOFError ends the connection."""
        with self._lock:
            self.messages.append(message)
            rule = self._rule if self._rule and self._rule.number == len(self.messages) else None
        if rule is None:
            answers.said(message)
            answers.server.sendall(data)
            return
        answers.settled.wait()
        if rule.action is not Action.REQUEST_LOST:
            answers.mute(message)
            answers.server.sendall(data)
        if rule.action is Action.ANSWER_LOST and message.is_answered:
            answers.complete.wait()
        rule.first()
        self.fired.set()
        if rule.action is not Action.SILENT:
            raise EOFError


class _Answers:
    """What the server says to one connection. Once it is muted, it is heard and not passed on, until it is `complete`.

    It is `settled` while the server has answered all that it was asked to answer, so that nothing depends on who is
    quicker.
    """

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.complete = threading.Event()
        self.settled = threading.Event()
        self.settled.set()
        self._muted = False
        self._lock = threading.Lock()
        self._run = self._asked = self._answered = 0  # of a pipeline's statements

    def said(self, message: Message) -> None:
        """The client has said that."""
        with self._lock:
            self._run += message.kind == "E"
            if message.kind == "H":
                self._asked = self._run
            if (message.is_answered and message.kind != "H") or self._answered < self._asked:
                self.settled.clear()

    def mute(self, message: Message) -> None:
        """Pass nothing on any more; it is complete with what answers that message."""
        self.said(message)
        with self._lock:
            self._muted = True
            if self.settled.is_set():
                self.complete.set()

    def pass_on(self) -> None:
        """Pass on every message until the connection ends."""
        try:
            with self.server.makefile("rb") as answers, contextlib.suppress(OSError, EOFError):
                while True:
                    answer = _message(answers)
                    if not self._muted:
                        self.client.sendall(answer)
                    self._hear(answer[:1])
        finally:
            self.settled.set()
            self.complete.set()
            if not self._muted:
                _cut(self.client)

    def _hear(self, kind: bytes) -> None:
        with self._lock:
            ready = kind in b"ZGHW"  # for the next query, or for COPY data
            failed = kind == b"E"  # what stands behind it is passed over
            self._answered = self._run if failed else self._answered + (kind in b"CIs")
            if ready:
                self._run = self._asked = self._answered = 0
            if ready or (failed and self._asked) or 0 < self._asked <= self._answered:
                self.settled.set()
                if self._muted:
                    self.complete.set()


def _first_message(said: BinaryIO) -> bytes:
    """A start, or the request to cancel another connection's query: neither has a type."""
    length = _exactly(said, 4)
    message = length + _exactly(said, struct.unpack("!I", length)[0] - 4)
    assert struct.unpack("!I", message[4:8])[0] >= _OLDEST_PROTOCOL
    return message


def _message(stream: BinaryIO) -> bytes:
    head = _exactly(stream, 5)
    return head + _exactly(stream, struct.unpack("!I", head[1:])[0] - 4)


def _text(kind: str, data: bytes) -> str:
    """The SQL that a message holds."""
    if kind == "Q":
        return data[5:-1].decode()
    return data[5:].split(b"\0")[1].decode() if kind == "P" else ""  # behind the name that it is prepared under


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _connect(address: str) -> socket.socket:
    """A connection to the server of an address, by its socket's folder or by TCP."""
    parts = conninfo_to_dict(address)
    host, port = str(parts["host"]), int(parts.get("port") or _PORT)
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"{host}/.s.PGSQL.{port}")
    return connection


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
