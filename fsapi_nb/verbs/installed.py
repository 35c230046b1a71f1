"""Install in a scratch database the extensions that the role which makes its objects may not install."""

from __future__ import annotations

from dataclasses import replace

from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.text.sql import unquoted


def without_installed(definitions: Definitions, scratch: Scratch, address: str) -> Definitions:
    """Install the extensions that the owner of a database may not install; return what is left to be created.

    Their schemas are made with them, and are left out as well.
    """
    by_address = {each.address: each for each in definitions.ordered}
    schemas = {
        each.identity: next((by_address[need] for need in each.needs if need.catalog == "pg_namespace"), None)
        for each in definitions.ordered
        if each.kind == "extension" and each.create
    }
    wanted = {unquoted(name): unquoted(schema.identity) if schema else "public" for name, schema in schemas.items()}
    installed = scratch.install(address, wanted)
    there = {schema.identity for name, schema in schemas.items() if schema and unquoted(name) in installed}
    return replace(
        definitions,
        ordered=tuple(
            each
            for each in definitions.ordered
            if not (each.kind == "extension" and unquoted(each.identity) in installed)
            and not (each.kind == "schema" and each.identity in there - {"public"})
        ),
    )
