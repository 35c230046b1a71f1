"""The migrations that all tools run, the same SQL in the format of each: a table with keys and an index, and its end.

Where a tool leaves a choice, its files are in the form that takes it the least.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Which tables the migrations make, as a regular expression of PostgreSQL's.
TABLES = r"^item_[0-9]{5}$"


@dataclass(frozen=True, slots=True)
class Change:
    """One migration: its number from zero on, and the SQL of both directions."""

    number: int
    up: str
    down: str

    @property
    def name(self) -> str:
        """The name of what it does."""
        return f"create_item_{self.number:05}"


def make_changes(count: int) -> list[Change]:
    """That many migrations."""
    return [_change(number) for number in range(count)]


def _change(number: int) -> Change:
    table = f"item_{number:05}"
    parent = f"item_{max(number - 1, 0):05}"
    up = (
        f"CREATE TABLE {table} (\n"
        "    id bigint PRIMARY KEY,\n"
        "    code text NOT NULL UNIQUE,\n"
        f"    parent_id bigint REFERENCES {parent} (id),\n"
        "    created_at timestamptz NOT NULL DEFAULT now()\n"
        ");\n"
        f"CREATE INDEX {table}_created_at ON {table} (created_at);\n"
    )
    return Change(number, up, f"DROP TABLE {table};\n")


def write_sapi(folder: Path, changes: Sequence[Change]) -> None:
    """Ours."""
    for change in changes:
        text = f"-- UP\n{change.up}\n-- DOWN\n{change.down}"
        (folder / f"{_sapi_stamp(change)}_{change.name}.sql").write_text(text, encoding="utf-8")


def _sapi_stamp(change: Change) -> str:
    """The minute in our file's name."""
    days, minutes = divmod(change.number, 1440)
    months, day = divmod(days, 28)
    return f"2026_{months + 1:02}_{day + 1:02}_{minutes // 60:02}_{minutes % 60:02}"


def write_dbmate(folder: Path, changes: Sequence[Change]) -> None:
    """dbmate's, `-- migrate:up` and `-- migrate:down` in one file."""
    for change in changes:
        text = f"-- migrate:up\n{change.up}\n-- migrate:down\n{change.down}"
        (folder / f"{20260101000000 + change.number}_{change.name}.sql").write_text(text, encoding="utf-8")


def write_alembic(folder: Path, changes: Sequence[Change]) -> None:
    """Alembic's: its own configuration, and a module for each revision with the SQL as one string."""
    versions = folder / "revisions" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/revisions\n", encoding="utf-8")
    (folder / "revisions" / "env.py").write_text(_ALEMBIC_ENVIRONMENT, encoding="utf-8")
    for change in changes:
        before = f"{change.number - 1:05}" if change.number else None
        (versions / f"{change.number:05}_{change.name}.py").write_text(
            f"from alembic import op\n\nrevision = '{change.number:05}'\ndown_revision = {before!r}\n\n\n"
            f"def upgrade():\n    op.execute({change.up!r})\n\n\n"
            f"def downgrade():\n    op.execute({change.down!r})\n",
            encoding="utf-8",
        )


_ALEMBIC_ENVIRONMENT = """\
import os

from alembic import context
from sqlalchemy import create_engine, pool

with create_engine(os.environ["BENCH_URL"], poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=os.environ["BENCH_TRANSACTIONS"] == "each")
    with context.begin_transaction():
        context.run_migrations()
"""


def write_yoyo(folder: Path, changes: Sequence[Change]) -> None:
    """yoyo's: two files of SQL for each migration."""
    for change in changes:
        (folder / f"{change.number:05}.{change.name}.sql").write_text(change.up, encoding="utf-8")
        (folder / f"{change.number:05}.{change.name}.rollback.sql").write_text(change.down, encoding="utf-8")


def write_node_pg_migrate(folder: Path, changes: Sequence[Change]) -> None:
    """node-pg-migrate's, in its SQL form."""
    for change in changes:
        text = f"-- Up Migration\n{change.up}\n-- Down Migration\n{change.down}"
        name = f"{1767225600000 + change.number}_{change.name.replace('_', '-')}.sql"
        (folder / name).write_text(text, encoding="utf-8")


def write_graphile_migrate(folder: Path, changes: Sequence[Change]) -> None:
    """graphile-migrate's committed migrations: each carries a hash of itself and of the one before."""
    committed = folder / "migrations" / "committed"
    committed.mkdir(parents=True)
    (folder / ".gmrc").write_text("{}\n", encoding="utf-8")
    before = ""
    for change in changes:
        body = change.up.strip() + "\n"
        digest = "sha1:" + hashlib.sha1(f"{before}\n{body}".strip().encode() + b"\n", usedforsecurity=False).hexdigest()
        text = f"--! Previous: {before or '-'}\n--! Hash: {digest}\n\n{body}"
        (committed / f"{change.number + 1:06}.sql").write_text(text, encoding="utf-8")
        before = digest


def write_messages(folder: Path, changes: Sequence[Change]) -> None:
    """What a limit sends: a file for each migration and direction with its whole transaction, its history row too."""
    for change in changes:
        up, down = _transactions(change)
        (folder / f"{change.number:05}.up.sql").write_text(up, encoding="utf-8")
        (folder / f"{change.number:05}.down.sql").write_text(down, encoding="utf-8")


def write_concatenation(folder: Path, changes: Sequence[Change]) -> None:
    """What psql is given: all transactions in one file for each direction."""
    both = [_transactions(change) for change in changes]
    (folder / "up.sql").write_text(HISTORY + "".join(up for up, _ in both), encoding="utf-8")
    (folder / "down.sql").write_text("".join(down for _, down in reversed(both)), encoding="utf-8")


#: The history that the limits keep.
HISTORY = (
    "CREATE TABLE IF NOT EXISTS migrations (id serial PRIMARY KEY, name varchar(255) UNIQUE NOT NULL, "
    "applied_at timestamp DEFAULT now(), duration_ms integer);\n"
)


def _transactions(change: Change) -> tuple[str, str]:
    up = f"BEGIN;\n{change.up}INSERT INTO migrations (name, duration_ms) VALUES ('{change.name}', 1);\nCOMMIT;\n"
    down = f"BEGIN;\n{change.down}DELETE FROM migrations WHERE name = '{change.name}';\nCOMMIT;\n"
    return up, down
