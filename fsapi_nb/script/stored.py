"""What is stored of a migration's text, and a migration made of it again.

Password literals are taken out before anything is stored: a history row never holds one. The starred text has
the same tokens otherwise, so that the sections stay where they are.
"""

from __future__ import annotations

from dataclasses import replace

from fsapi_nb.model import Migration, StoredScripts
from fsapi_nb.script.migration import read_migration
from fsapi_nb.script.redact import redact_sql


def to_store(migration: Migration) -> StoredScripts:
    """The two scripts as they are kept with the applied migration."""
    up = redact_sql(migration.up.text)
    down = redact_sql(migration.down.text) if migration.down else None
    changed = down is not None and migration.down is not None and down != migration.down.text
    return StoredScripts(up=up, down=down, recorded=True, redacted=changed)


def stored_migration(name: str, stored: StoredScripts) -> Migration | None:
    """The migration that was applied, made of what was stored; None where that cannot be read as one."""
    text = f"-- UP\n{_closed(stored.up or '')}"
    if stored.down is not None:
        text += f"-- DOWN\n{stored.down}"
    migration, _ = read_migration(name, text.encode())
    return replace(migration, stored=True) if migration else None


def _closed(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"
