"""Read the procedures of a database that may end a transaction by themselves."""

from __future__ import annotations

from fsapi_nb.model.migration import Procedure
from fsapi_nb.postgres.session import Connection
from fsapi_nb.script.procedures import procedure_of_definition

_DEFINITIONS = r"""
    SELECT pg_catalog.convert_to(pg_catalog.pg_get_functiondef(p.oid), 'UTF8') FROM pg_catalog.pg_proc p
    WHERE p.prokind OPERATOR(pg_catalog.=) 'p'
      AND p.prosrc OPERATOR(pg_catalog.~*) '(commit|rollback|call)'
"""


def read_procedures(connection: Connection) -> tuple[Procedure, ...]:
    """Return the procedures of the database whose text may commit, roll back or call another one."""
    texts = (text for (text,) in connection.execute(_DEFINITIONS.encode()) if text)  # NULL: just dropped
    found = (procedure_of_definition(text.decode(errors="replace")) for text in texts)
    return tuple(each for each in found if each)
