"""A network that goes away without a word: both sides find out within half a minute, by the socket's own means."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.postgres.connect import connect, open_session
from tests.conftest import Project

_OPTIONS = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)


@pytest.fixture
def tcp(project: Project) -> Iterator[str]:
    """The project's database by TCP: passed on to the server's socket."""
    parts = conninfo_to_dict(project.database)
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as stack:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client = stack.enter_context(listener.accept()[0])
                    server = stack.enter_context(socket.socket(socket.AF_UNIX))
                    server.connect(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}")
                    for one, other in ((client, server), (server, client)):
                        threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        yield make_conninfo(project.database, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def options_of(connection: psycopg.Connection) -> tuple[int, ...]:
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as own:
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        return tuple(own.getsockopt(socket.IPPROTO_TCP, option) for option in _OPTIONS)


@pytest.mark.parametrize("by", ["address", "function"])
def test_a_client_asks_whether_the_server_is_there(tcp: str, by: str) -> None:
    """After ten idle seconds, and gives up after half a minute; however the connection was opened."""
    with contextlib.closing(connect(tcp if by == "address" else lambda: psycopg.connect(tcp), "test")) as connection:
        assert options_of(connection) == (10, 5, 4, 30_000)


@pytest.mark.parametrize("by", ["address", "function"])
def test_what_the_address_says_of_it_wins(tcp: str, by: str) -> None:
    """Whoever has a slow network may give it more time."""
    slow = make_conninfo(tcp, keepalives_idle=100, keepalives_interval=50, keepalives_count=9, tcp_user_timeout=90_000)
    with contextlib.closing(connect(slow if by == "address" else lambda: psycopg.connect(slow), "test")) as connection:
        assert options_of(connection) == (100, 50, 9, 90_000)


def test_a_session_is_set_to_it_unless_the_address_has_options_of_its_own(project: Project) -> None:
    """By the machine's own socket it means nothing, and is no error."""
    own = make_conninfo(project.database, options="-c tcp_keepalives_idle=77")
    for address, idle in ((project.database, "10"), (own, None)):
        with open_session(address, application="test") as session:
            assert session.settings.get("tcp_keepalives_idle") == idle
            assert session.settings["tcp_user_timeout"] == "30000"
            session.clean()
