"""What a new session of a database begins with: the settings of the database and of the role, and event triggers.

A session reads the settings once, when it is opened, and RESET ALL goes back to these. If somebody changes them later, a
new session would begin with others: `Session.is_outdated` says so. Event triggers count, too: those on login run in new
sessions, and a session remembers from its beginning whether definitions run code.
"""

from __future__ import annotations

# One number, so that it can be compared on the server. Names are qualified: a user's script may have set the search_path.
_ROLE = "pg_catalog.to_regrole(pg_catalog.quote_ident(session_user))::pg_catalog.oid"
_HERE = """(SELECT d.oid FROM pg_catalog.pg_database d
    WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())"""
_SETTINGS = f"""SELECT pg_catalog.string_agg(
        pg_catalog.concat(s.setdatabase, '/', s.setrole, s.setconfig), ' ' ORDER BY s.setdatabase, s.setrole)
    FROM pg_catalog.pg_db_role_setting s
    WHERE s.setdatabase OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid, {_HERE}])
      AND s.setrole OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid, {_ROLE}])"""
_TRIGGERS = """SELECT pg_catalog.string_agg(pg_catalog.concat(t.oid, t.evtfoid, t.evtenabled), ' ' ORDER BY t.oid)
    FROM pg_catalog.pg_event_trigger t"""
#: The expression that hashes what a session would begin with now.
DEFAULTS = f"pg_catalog.hashtextextended(pg_catalog.concat(({_SETTINGS}), ';', ({_TRIGGERS})), 0)"
#: The expression that says whether a definition may run code of a user.
HAS_EVENT_TRIGGERS = """EXISTS (SELECT FROM pg_catalog.pg_event_trigger t
    WHERE t.evtenabled OPERATOR(pg_catalog.<>) 'D'::pg_catalog."char")"""
#: The name in the server's error if `unchanged` fails.
OUTDATED = "fsapi_nb.new_sessions_begin_with_other_settings"


def unchanged(defaults: int) -> bytes:
    """Return the statement that fails if a new session would not begin with these `defaults`.

    Sent behind a migration, it keeps the server from running the next one in a session that is outdated.
    """
    # SQL has no statement that fails with a given text. A question for a setting that does not exist fails with its name.
    return f"""SELECT CASE WHEN {DEFAULTS} OPERATOR(pg_catalog.=) {defaults}::pg_catalog.int8 THEN ''
        ELSE pg_catalog.current_setting('{OUTDATED}') END""".encode()
