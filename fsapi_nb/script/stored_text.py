"""Make the text that the database keeps of a migration, and read a migration from it again.

Secrets are starred before anything is stored: a history row never holds one. The starred text otherwise has the same
tokens, so that the sections stay where they are. Of a COPY's large data only the size and the SHA-256 are stored: a
seed of gigabytes is in its file, and the checksum shows whether that was edited.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from fsapi_nb.model.history import StoredScripts
from fsapi_nb.model.migration import Migration
from fsapi_nb.text.secrets import STARS


def to_store(migration: Migration) -> StoredScripts:
    """Return the two scripts as they are kept with the applied migration."""
    from fsapi_nb.script.checksum import text_checksum
    from fsapi_nb.script.redact import redact_sql

    up = redact_sql(migration.up.written.text, of=migration.up.written.source)
    down = redact_sql(migration.down.written.text, of=migration.up.written.source) if migration.down else None
    changed = migration.down is not None and (
        not migration.down.written.complete
        # Stars in a comment do not change what runs.
        or (
            down != migration.down.written.text
            and text_checksum(down or "") != text_checksum(migration.down.written.text)
        )
    )
    return StoredScripts(up=up, down=down, recorded=True, redacted=changed)


def lacks_secret(stored: StoredScripts) -> bool:
    """Return whether a stored DOWN cannot run because its secrets are starred.

    If not, large data may be missing.
    """
    return stored.redacted and STARS in (stored.down or "")


def kept_digest(stored: StoredScripts) -> str:
    """Return a digest of the stored texts.

    The journal, another table, keeps it, too, so that a change of the texts is noticed.
    """
    kept = json.dumps([stored.up, stored.down, stored.redacted])
    return f"sha256:{hashlib.sha256(kept.encode()).hexdigest()}"


def stored_migration(name: str, stored: StoredScripts) -> Migration | None:
    """Return the migration that was applied, read from its stored text; None if that cannot be read.

    It has no digest of a file, and no checks. If its DOWN was starred or lacks large data, that must not run: see
    `lacks_secret`.
    """
    from fsapi_nb.script.migration import stored_text

    migration = stored_text(name, _closed(stored.up or ""), stored.down)
    return replace(migration, stored=True, digest=None) if migration else None


def _closed(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"
