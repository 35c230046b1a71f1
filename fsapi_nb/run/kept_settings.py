"""Settings of new sessions that migrations make and `fresh` leaves: an administrator may have made them as well.

On an empty database the first files would run without them, so `fresh` names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from psycopg import sql

from fsapi_nb.model.migration import Statement
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.session_state import may_change_new_sessions

# Those that the session began with, each with the statement that takes it back, up to its name.
_FIND = sql.SQL("""
    SELECT pg_catalog.split_part(config, '=', 1), pg_catalog.concat(
        'ALTER ', CASE WHEN s.setrole = 0 AND s.setdatabase <> 0 THEN pg_catalog.format('DATABASE %I', d.datname)
            ELSE pg_catalog.concat('ROLE ', coalesce(pg_catalog.quote_ident(r.rolname), 'ALL'),
                CASE WHEN s.setdatabase <> 0 THEN pg_catalog.format(' IN DATABASE %I', d.datname) END) END, ' RESET ')
    FROM pg_catalog.pg_db_role_setting s
    JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    CROSS JOIN pg_catalog.unnest(s.setconfig) AS config
    WHERE s.setdatabase IN (0, d.oid) AND (s.setrole = 0 OR r.rolname = session_user)
    ORDER BY 2, 1
""")
_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


def find_kept_settings(session: Session, scripts: Iterable[Statement]) -> str | None:
    """Return a note on the settings of new sessions that these scripts may have made; None if there are none."""
    found = ask(session.connection(), _FIND)
    changes = [each.text.lower() for each in scripts if may_change_new_sessions(each)] if found else []
    made = [(name, reset) for name, reset in found if any(_names(text, name.lower()) for text in changes)]
    if not made:
        return None
    names = ", ".join(dict.fromkeys(name for name, _ in made))
    return (
        f"settings of new sessions that migrations make stay, so that all files run with them: {names}; to begin as on an "
        f"empty database, first run {' '.join(_resets(made))}"
    )


def _names(text: str, name: str) -> bool:
    return name in text or (name == "timezone" and "time zone" in text)


def _resets(made: Sequence[tuple[str, str]]) -> Iterable[str]:
    for name, reset in made:
        written = (
            name if _PLAIN.fullmatch(name) else ".".join(sql.Identifier(part).as_string() for part in name.split("."))
        )
        yield f"{reset}{written};"
