"""A run on a terminal: what is drawn while it goes on, and that nothing of it is left. On real pseudo-terminals."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from rich.console import Console

from fsapi_nb.cli import main
from fsapi_nb.events import Event, LockAwaited, NoticeReceived, RunFailed, RunFinished, RunStarted, StatementStarted
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.server import Blockage, LockSession, QueuePart, ServerProgress
from fsapi_nb.views.progress import RunProgress
from fsapi_nb.views.terminal import Drawing, LiveProgress
from tests.conftest import Project

_HIDDEN = "\x1b[?25l"  # the cursor
_CONTROL = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")
_TERMINAL = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "PYTHONIOENCODING"}


class Screen:
    """What somebody sees of a terminal's output: knows lines, moves up, erased lines and the cursor's visibility."""

    def __init__(self) -> None:
        self.lines = [""]
        self.cursor = True
        self._row = self._column = 0

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).strip()

    def feed(self, text: str) -> None:
        """Show more output."""
        position = 0
        for control in _CONTROL.finditer(text):
            self._write(text[position : control.start()])
            self._obey(*control.groups())
            position = control.end()
        self._write(text[position:])

    def _obey(self, private: str, number: str, letter: str) -> None:
        if letter == "A":
            self._row = max(0, self._row - int(number or 1))
        elif letter == "K":
            self.lines[self._row] = ""
        elif private and number == "25":
            self.cursor = letter == "h"
        else:
            assert letter == "m", f"unknown control: {private}{number}{letter}"

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\r":
                self._column = 0
            elif character == "\n":
                self._row += 1
                self.lines += [""] * (self._row + 1 - len(self.lines))
            else:
                line = self.lines[self._row].ljust(self._column)
                self.lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
                self._column += 1


class Terminal:
    """A pseudo-terminal with a command of ours on it."""

    def __init__(
        self, project: Project, words: tuple[str, ...], size: tuple[int, int], setting: dict[str, str]
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in _TERMINAL}
        environment = kept | {"DATABASE_URL": project.database, "TERM": "xterm-256color"} | setting
        self.output = ""
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
            os.chdir(project.root)
            os.execve(sys.executable, [sys.executable, "-m", "fsapi_nb.cli", *words], environment)

    @property
    def screen(self) -> Screen:
        """What is on the screen now."""
        screen = Screen()
        whole = self.output[: self.output.rindex("\x1b")] if "\x1b" in self.output[-8:] else self.output
        screen.feed(whole)
        return screen

    def wait_for(self, condition: Callable[[str], object]) -> str:
        """Until that is so of the screen; return what is on it then."""
        deadline = time.monotonic() + 20
        while not condition(shown := str(self.screen)):
            assert time.monotonic() < deadline, shown
            assert self._read(), f"it has ended: {shown}"
        return shown

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def send(self, name: signal.Signals) -> None:
        """Send the command a signal."""
        os.kill(self._pid, name)

    def end(self) -> int:
        """Wait until the command has ended; return its exit code."""
        while self._read():
            pass
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """End the command, if it still runs."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._master)

    def _read(self) -> bool:
        """Take what there is; False at the end."""
        if not select.select([self._master], [], [], 0.05)[0]:
            return True
        try:
            piece = os.read(self._master, 65_536)
        except OSError:
            return False
        self.output += piece.decode(errors="replace")
        return bool(piece)


OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal(project: Project) -> Iterator[OpenTerminal]:
    """A maker of terminals: `terminal("migrate", columns=40, TERM="dumb")`."""
    with contextlib.ExitStack() as stack:

        def open_terminal(*words: str, columns: int = 120, rows: int = 30, **setting: str) -> Terminal:
            opened = Terminal(project, words, (rows, columns), setting)
            stack.callback(opened.close)
            return opened

        yield open_terminal


@contextlib.contextmanager
def session(project: Project, *queries: str, application: str = "report") -> Iterator[psycopg.Connection]:
    """Another session, in a transaction that has run these."""
    with psycopg.connect(project.database, application_name=application) as connection:
        for query in queries:
            connection.execute(query.encode())
        yield connection
        connection.rollback()


@pytest.mark.parametrize("columns", [40, 72])
def test_an_error_is_broken_between_words_on_a_terminal(
    project: Project, terminal: OpenTerminal, columns: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the terminal's own width, and its SQL stays whole; whoever reads a pipe gets the lines as they are."""
    source = f"SELECT {'1 + ' * 15}nope;"
    project.write("a", source)
    opened = terminal("migrate", columns=columns)
    assert opened.end() == 1
    shown = str(opened.screen).splitlines()
    assert f"  2 | {source}" in shown
    assert max(len(line) for line in shown if "|" not in line) <= columns
    assert main(["migrate", "--database", project.database, "--dir", str(project.folder)]) == 1
    piped = capsys.readouterr().err
    assert max(map(len, piped.splitlines())) > columns
    assert "".join(piped.split()) == "".join("".join(shown).split())


def test_a_long_run_is_drawn_and_leaves_nothing(project: Project, terminal: OpenTerminal) -> None:
    """A bar over the steps, the statement's file and line, a clock that goes on; then only the result."""
    project.write("first", "SELECT 1;")
    name = project.write("slow", "SELECT pg_sleep(2);")
    opened = terminal("migrate")
    shown = opened.wait_for(lambda shown: f"{name}:2  SELECT  1 s" in shown)
    assert re.search(r"^migrate ━+.* 1 of 2 steps  1 s$", shown, re.MULTILINE)
    assert not opened.screen.cursor
    assert opened.end() == 0
    assert str(opened.screen).startswith(f"Applied 2 migrations on {project.label}.\n  ↑ ")
    assert opened.screen.cursor


def test_notices_arrive_before_the_end(project: Project, terminal: OpenTerminal) -> None:
    """Each is printed above the bar while its migration runs, and stays."""
    name = project.write("talk", "DO $$ BEGIN RAISE NOTICE 'half-way'; END $$;\nSELECT pg_advisory_xact_lock(7);")
    with session(project, "SELECT pg_advisory_xact_lock(7)"):
        opened = terminal("migrate")
        opened.wait_for(lambda shown: shown.startswith(f"{name}: NOTICE: half-way\nmigrate "))
        assert project.applied() == []
    assert opened.end() == 0
    assert str(opened.screen).startswith(f"{name}: NOTICE: half-way\nApplied 1 migration on {project.label}.")


@pytest.mark.parametrize("columns", [120, 80])
def test_who_blocks_whom_is_shown_while_they_do(project: Project, terminal: OpenTerminal, columns: int) -> None:
    """The one who blocks, then who waits behind us; gone from the screen once the way is free."""
    project.rows("CREATE TABLE users (i int)")
    name = project.write("phone", "ALTER TABLE users ADD phone text;\nSELECT pg_sleep(60);")
    with session(project, "SELECT * FROM users") as blocker:
        opened = terminal("migrate", columns=columns)
        opened.wait_for(lambda shown: "holds ACCESS SHARE on table public.users" in shown)
        behind = threading.Thread(target=project.rows, args=("SELECT count(*) FROM users",))
        behind.start()
        shown = opened.wait_for(lambda shown: "waits " in shown.partition("waits for a lock:")[2])
        assert f"{name}:2  ALTER TABLE" in shown
        pid = blocker.info.backend_pid
        assert re.search(rf"blocks .*{pid},? .*report,? .*idle in transaction,? .* s", shown)
        assert shown.index("blocks") < shown.index("SELECT * FROM users") < shown.index("SELECT count(*) FROM users")
        blocker.commit()
        shown = opened.wait_for(lambda shown: f"{name}:3  SELECT" in shown and "report" not in shown)
    opened.type(b"\x03")
    assert opened.end() == 130
    behind.join()


def test_the_server_says_how_far_it_is(project: Project, terminal: OpenTerminal) -> None:
    """The phase of a long command, and what it counts: here an index that waits for a writer."""
    project.rows("CREATE TABLE users (i int)")
    project.write("index", "CREATE INDEX CONCURRENTLY users_i ON users (i);")
    with session(project, "INSERT INTO users VALUES (1)"):
        opened = terminal("migrate", "--lock-timeout", "60s")
        said = "CREATE INDEX CONCURRENTLY on public.users: waiting for writers before build  0%  (0 of 1 sessions)"
        opened.wait_for(lambda shown: said in shown)
    assert opened.end() == 0
    assert str(opened.screen).startswith(f"Applied 1 migration on {project.label}.")


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda name: name.name)
def test_an_interrupt_leaves_the_terminal_clean(project: Project, terminal: OpenTerminal, name: signal.Signals) -> None:
    """Ctrl-C and signals: the bar is erased, the cursor is back, and the message stands alone."""
    project.write("slow", "SELECT pg_sleep(60);")
    opened = terminal("migrate")
    opened.wait_for(lambda shown: "0 of 1 step" in shown)
    assert _HIDDEN in opened.output
    if name is signal.SIGINT:
        opened.type(b"\x03")
    else:
        opened.send(name)
    assert opened.end() == 130
    assert opened.screen.cursor
    assert str(opened.screen).startswith("error: stopped while")
    assert "0 of 1 step" not in str(opened.screen)


def test_attempts_and_their_reason_are_drawn(project: Project, terminal: OpenTerminal) -> None:
    """Pauses grow and attempts are made until the way is free, so that each is on the screen at some time."""
    project.rows("CREATE TABLE users (i int)")
    project.write("phone", "ALTER TABLE users ADD phone text;")
    with session(project, "SELECT * FROM users"):
        opened = terminal("migrate", "--lock-timeout", "300ms", "--max-wait", "60")
        opened.wait_for(lambda shown: re.search(r"ALTER TABLE  attempt ([3-9]|\d\d)", shown))
        opened.wait_for(lambda shown: re.search(r"lock timeout; trying again in [\d.]+ s \(attempt \d+\)", shown))
    assert opened.end() == 0


def test_a_failure_names_who_was_in_the_way(project: Project, terminal: OpenTerminal) -> None:
    """Below the error, with pid, when the attempts have come to their end."""
    project.rows("CREATE TABLE users (i int)")
    project.write("phone", "ALTER TABLE users ADD phone text;")
    with session(project, "SELECT * FROM users") as blocker:
        opened = terminal("migrate", "--lock-timeout", "200ms", "--max-wait", "2")
        assert opened.end() == 1
        pid = blocker.info.backend_pid
    error, _, below = str(opened.screen).partition("\n1 session blocks the migration")
    assert error.startswith("error: ")
    assert f"blocks pid {pid}, postgres, report, idle in transaction, for " in below
    assert opened.screen.cursor


def test_a_pipe_gets_nothing_but_the_end(project: Project) -> None:
    """With notices, retries and a blocker: stderr is empty, stdout has the result."""
    project.rows("CREATE TABLE users (i int)")
    project.write("x", "DO $$ BEGIN RAISE WARNING 'careful'; END $$;\nSELECT pg_sleep(1);")
    project.write("phone", "ALTER TABLE users ADD phone text;")
    environment = os.environ | {"DATABASE_URL": project.database, "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "fsapi_nb.cli", "migrate", "--lock-timeout", "100ms"]
    retried = "SELECT EXISTS (SELECT FROM migrations_journal WHERE state = 'retried')"
    with session(project, "SELECT * FROM users"):
        piped = subprocess.Popen(
            command, cwd=project.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 20
        while not project.value("SELECT to_regclass('migrations_journal') IS NOT NULL") or not project.value(retried):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    out, err = piped.communicate(timeout=20)
    assert (piped.returncode, err) == (0, "")
    assert out.startswith(f"Applied 2 migrations on {project.label}.")
    assert "WARNING: careful" in out


def test_json_is_not_drawn_on(project: Project, terminal: OpenTerminal) -> None:
    """A terminal gets the one document, too."""
    project.write("slow", "SELECT pg_sleep(1);")
    opened = terminal("migrate", "--json")
    assert opened.end() == 0
    assert opened.output.startswith('{"verb": "migrate"')
    assert "\x1b" not in opened.output


def test_names_and_notices_are_shown_as_they_are(project: Project, terminal: OpenTerminal) -> None:
    """No markup is obeyed, no escape sequence reaches the terminal."""
    table = '"[red]t\x1b[31m"'
    project.rows(f"CREATE TABLE {table} (i int)")
    talk = "DO $$ BEGIN RAISE NOTICE E'[bold]x[/] \\x1b[2J :boom:'; END $$;"
    name = project.write("x", f"{talk}\nALTER TABLE {table} ADD j int;")
    with session(project, f"SELECT '[link]' FROM {table}", application="[blink]app[/]"):
        opened = terminal("migrate")
        shown = opened.wait_for(lambda shown: "holds ACCESS SHARE" in shown)
    assert opened.end() == 0
    assert f"{name}: NOTICE: [bold]x[/] \\x1b[2J :boom:\n" in shown
    assert "[blink]app[/]" in shown
    assert '[red]t\\x1b[31m"' in shown
    assert "SELECT '[link]' FROM" in shown
    assert "\x1b[2J" not in opened.output


@pytest.mark.parametrize(
    ("setting", "colours", "drawn"),
    [({}, True, True), ({"NO_COLOR": "1"}, False, True), ({"TERM": "dumb"}, False, False)],
    ids=["usual", "NO_COLOR", "dumb"],
)
def test_terminals_of_all_kinds(
    project: Project, terminal: OpenTerminal, setting: dict[str, str], colours: bool, drawn: bool
) -> None:
    """Narrow, without colour, without any control: nothing is wider than the screen, and notices are on all of them."""
    name = project.write("x", "DO $$ BEGIN RAISE NOTICE 'said'; END $$;\nSELECT pg_advisory_xact_lock(7);")
    with session(project, "SELECT pg_advisory_xact_lock(7)"):
        opened = terminal("migrate", columns=40, **setting)
        shown = opened.wait_for(lambda shown: "blocks  pid" in shown if drawn else "NOTICE: said" in shown)
    assert opened.end() == 0
    assert f"{name}: NOTICE: said" in str(opened.screen)
    assert all(len(line) <= 40 for line in shown.splitlines()[1:])
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", opened.output)) is colours
    assert ("\x1b" in opened.output) is drawn


def test_a_terminal_that_is_gone_stops_no_migration(project: Project) -> None:
    """What cannot be drawn is not: the run goes on to its end."""
    project.write("slow", "SELECT pg_advisory_xact_lock(7);")
    master, stream = terminal_in_process()
    with session(project, "SELECT pg_advisory_xact_lock(7)") as blocker, LiveProgress(stream) as progress:

        def hang_up() -> None:
            os.read(master, 1)
            os.close(master)
            blocker.rollback()

        threading.Thread(target=hang_up).start()
        project.migrator(observers=(progress,)).migrate()
    assert len(project.applied()) == 1
    with contextlib.suppress(OSError):
        stream.close()


def test_an_observer_that_raises_does_not_garble_the_drawing(project: Project) -> None:
    """It is dropped and logged, the bar goes on, and the terminal is clean in the end."""
    project.write("slow", "SELECT pg_sleep(0.7);\nSELECT pg_sleep(0.3);")
    master, stream = terminal_in_process()
    statements = []

    def broken(event: Event) -> None:
        statements.extend([event] if isinstance(event, StatementStarted) else [])
        if len(statements) == 2:
            raise ValueError("broken")

    with LiveProgress(stream) as progress:
        project.migrator(observers=(broken, progress)).migrate()
    stream.close()
    output = rest_of(master).decode()
    screen = Screen()
    screen.feed(output)
    assert "0 of 1 step" in output
    assert str(screen) == ""
    assert screen.cursor
    os.close(master)


def rest_of(master: int) -> bytes:
    """All that a pseudo-terminal still holds, once nobody writes to it any more."""
    output = b""
    with contextlib.suppress(OSError):  # at the end
        while piece := os.read(master, 65_536):
            output += piece
    return output


def terminal_in_process() -> tuple[int, io.TextIOWrapper]:
    """A pseudo-terminal for this process: what reads it, and the stream that writes to it."""
    master, slave = pty.openpty()
    return master, os.fdopen(slave, "w", encoding="utf-8")


def told(*events: Event) -> str:
    """What is on a terminal after these events, one straight after the other."""
    stream = io.StringIO()
    with LiveProgress(stream) as progress:
        for event in events:
            progress(event)
    return stream.getvalue()


def test_a_quick_run_does_not_flash() -> None:
    """Nothing is drawn, and nothing said that the result says; of a failed run what the server said is kept."""
    started, said = RunStarted(Plan("migrate"), "id"), NoticeReceived("a.sql", "NOTICE", "[b]hm")
    assert told(started, said, RunFinished(Plan("migrate"))) == ""
    assert told(LockAwaited("pid 1")) == ""
    assert told(started, said, RunFailed(ValueError("no"))) == "a.sql: NOTICE: [b]hm\n"


def test_a_notice_of_several_lines_is_printed_further_in() -> None:
    """So that its detail and hint are not taken for notices of their own."""
    said = NoticeReceived("a.sql", "NOTICE", "one\ntwo\nHint: three")
    shown = told(RunStarted(Plan("migrate"), "id"), said, RunFailed(ValueError("no")))
    assert shown == "a.sql: NOTICE: one\n  two\n  Hint: three\n"


def drawn(progress: RunProgress, *, width: int, elapsed: float = 12.3, running: float = 8.9) -> list[str]:
    """The lines of a drawing."""
    console = Console(file=io.StringIO(), width=200, color_system=None, force_terminal=False, _environ={})
    with console.capture() as capture:
        console.print(Drawing(progress, elapsed, running, width))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert all(len(line) <= width for line in lines)
    return lines


_BLOCKAGE = Blockage(
    (
        LockSession(
            QueuePart.BLOCKS,
            4321,
            "alice",
            "psql",
            "idle in transaction",
            transaction_age=3725.0,
            query="SELECT * FROM users WHERE id = 12 FOR SHARE",
            lock="table public.users",
            mode="ACCESS SHARE",
            granted=True,
        ),
        LockSession(QueuePart.BLOCKS, 0, state="prepared transaction", lock="a row", mode="EXCLUSIVE", granted=True),
        LockSession(
            QueuePart.WAITS,
            4330,
            "[b]bob[/]",
            "web\x1b[31m",
            "active",
            transaction_age=9.0,
            waited=3.0,
            query="SELECT\n1",
            lock="table public.users",
            mode="ACCESS SHARE",
            blocked_by=(99,),
        ),
    ),
    waiter=99,
)
_BLOCKED = RunProgress(
    "migrate", 3, 1, 1, "2026_01_01_00_00_add_phone.sql:3  ALTER TABLE", blockage=_BLOCKAGE, retries=1
)


def test_a_drawing_of_who_blocks_whom_is_a_table_where_there_is_room() -> None:
    """A column for each fact."""
    assert drawn(_BLOCKED, width=116) == [
        f"migrate {'━' * 29 + '╸':<90}1 of 3 steps  12 s",
        "  2026_01_01_00_00_add_phone.sql:3  ALTER TABLE  8 s  attempt 2",
        "  waits for a lock:",
        "             pid  user       application  state                        for  lock and query",
        "    blocks  4321  alice      psql         idle in transaction   1 h 02 min  holds ACCESS SHARE on table public.users",
        " " * 76 + "SELECT * FROM users WHERE id = 12 FOR S…",
        "    blocks                                prepared transaction              holds EXCLUSIVE on a row",
        "    waits   4330  [b]bob[/]  web\\x1b[31m  active                       3 s  wants ACCESS SHARE on table public.users",
        " " * 76 + "SELECT\\n1",
    ]


def test_a_drawing_of_who_blocks_whom_in_a_narrow_terminal() -> None:
    """A few lines for each session, folded at the edge."""
    assert drawn(_BLOCKED, width=36) == [
        "migrate ━━━       1 of 3 steps  12 s",
        "  2026_01_01_00_00_add_phone.sql:3",
        "  ALTER TABLE  8 s  attempt 2",
        "  waits for a lock:",
        "    blocks  pid 4321, alice, psql,",
        "            idle in transaction, 1 h",
        "            02 min",
        "            holds ACCESS SHARE on",
        "            table public.users",
        "            SELECT * FROM users WHE…",
        "    blocks  prepared transaction",
        "            holds EXCLUSIVE on a row",
        "    waits   pid 4330, [b]bob[/],",
        "            web\\x1b[31m, active, 3 s",
        "            wants ACCESS SHARE on",
        "            table public.users",
        "            SELECT\\n1",
    ]


def test_a_drawing_of_a_long_queue_is_cut() -> None:
    """Who is in front is shown, and how many there are more."""
    queue = Blockage(tuple(LockSession(QueuePart.WAITS, pid) for pid in range(1, 101)), 999)
    lines = drawn(RunProgress("migrate", 1, blockage=queue), width=76)
    assert lines[1] == "  others wait for this:"
    assert lines[2] == "    waits  pid 1"
    assert lines[-1] == "    … 92 sessions more"


def test_drawings_of_what_the_server_says_and_why_nothing_happens() -> None:
    """Per cent where the server knows them; the reason and the attempt where a step is tried again."""
    server = ServerProgress("CREATE INDEX", "building index: scanning table", "public.users", 1204, 2680, "blocks")
    build = RunProgress("migrate", 2, 0, 0, "a.sql:3  CREATE INDEX", server=server)
    assert drawn(build, width=96, elapsed=80, running=75) == [
        f"{'migrate':<72}0 of 2 steps  1 min 20 s",
        "  a.sql:3  CREATE INDEX  1 min 15 s",
        "  CREATE INDEX on public.users: building index: scanning table  45%  (1,204 of 2,680 blocks)",
    ]
    copy = RunProgress("migrate", 1, server=ServerProgress("COPY FROM", "", "t", 12_000, 0, "tuples"))
    assert drawn(copy, width=76)[1] == "  COPY FROM on t  (12,000 tuples)"
    again = RunProgress("redo", 2, 1, statement="a.sql:1  SELECT", waiting="deadlock; trying again in 0.4 s", retries=2)
    assert drawn(again, width=76)[1:] == ["  a.sql:1  SELECT", "  deadlock; trying again in 0.4 s (attempt 3)"]
    other = RunProgress(waiting="waiting for another runner: pid 1, alice, psql")
    assert drawn(other, width=76) == ["waiting for another runner: pid 1, alice, psql  12 s"]


def test_a_drawing_on_a_terminal_that_knows_little() -> None:
    """What its encoding has not is written out, within the width."""
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "ascii"), width=40, force_terminal=False, _environ={})
    progress = RunProgress("migrate", 2, 1, statement="né.sql:1  SELECT", blockage=_BLOCKAGE)
    with console.capture() as capture:
        console.print(Drawing(progress, 1.0, 1.0, 40, "ascii"))
    assert "  n\\xe9.sql:1  SELECT  1 s" in [line.rstrip() for line in capture.get().splitlines()]
    assert capture.get().isascii()
    assert all(len(line) <= 40 for line in capture.get().splitlines())
