"""Ask pgmig (MIT, the extra `diff`) for the SQL that leads from one database to another one.

It reads both and runs nothing. What it writes is a proposal, to be run on a copy and compared.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fsapi_nb.script.parser import parse
from fsapi_nb.script.tokens import SqlSyntaxError


def is_installed() -> bool:
    """Return whether the generator can be used."""
    return importlib.util.find_spec("pgmig") is not None


def generate(source: str, target: str, without: Sequence[str] = ()) -> tuple[list[str], str | None]:
    """Return the statements that lead from `source` to `target`, and why there are none if it refuses.

    Args:
        source: The address of a scratch database.
        target: The address of another one.
        without: Schemas that are left out.
    """
    from pgmig import PgmigError
    from pgmig import generate as ask

    # It drives an event loop of its own, which it cannot in a thread that has one already, as a notebook's has.
    with ThreadPoolExecutor(1) as threads:
        try:
            text = threads.submit(
                ask,
                source=source,
                target=target,
                ignore_schemas=tuple(without),
                include_owner=True,
                include_grants=True,
            ).result()
            return cut(text), None
        except (PgmigError, SqlSyntaxError) as error:
            return [], f"pgmig wrote no SQL: {str(error).splitlines()[0]}"


def cut(text: str) -> list[str]:
    """Return the statements of a text, each ending in `;`. Raises SqlSyntaxError."""
    data = text.encode()
    found = (data[raw.start : raw.end].decode().strip() for raw in parse(data))
    return [f"{each};" for each in found if each]
