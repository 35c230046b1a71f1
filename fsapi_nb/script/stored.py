"""What is stored of a migration's text, and a migration made of it again.

Password literals are taken out before anything is stored: a history row never holds one.
"""

from __future__ import annotations

import re

from fsapi_nb.model import Migration, StoredScripts
from fsapi_nb.script.migration import read_migration
from fsapi_nb.script.sections import redact_line

_CONNECTION = re.compile(r"(\bconnection\s+E?')((?:[^']|'')*\bpassword\b(?:[^']|'')*)'", re.IGNORECASE)


def to_store(migration: Migration) -> StoredScripts:
    """The two scripts as they are kept with the applied migration."""
    up = _redact(migration.up.text)
    down = _redact(migration.down.text) if migration.down else None
    changed = down is not None and migration.down is not None and down != migration.down.text
    return StoredScripts(up=up, down=down, recorded=True, redacted=changed)


def stored_migration(name: str, stored: StoredScripts) -> Migration | None:
    """The migration that was applied, made of what was stored; None where that cannot be read as one."""
    text = f"-- UP\n{_closed(stored.up or '')}"
    if stored.down is not None:
        text += f"-- DOWN\n{stored.down}"
    migration, _ = read_migration(name, text.encode())
    return migration


def _closed(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"


def _redact(text: str) -> str:
    return _CONNECTION.sub(r"\1***'", redact_line(text))
