"""Ask what a database may do without, or lacks. Writes nothing, and locks no table."""

from __future__ import annotations

import psycopg

from fsapi_nb.catalog.schema.asking import refusal
from fsapi_nb.catalog.spare.read_spare import read_spare
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results


def unused(options: VerbOptions) -> results.UnusedResult:
    """Return what is spare or lacking in the schema of the options, or in all of users."""
    own = options.access.schema
    with open_store(options, writing=False) as store:
        try:
            found = read_spare(store.session.connection(), [own] if own else None)
        except psycopg.Error as error:
            raise refusal(error, "the database") or error from None
        return results.UnusedResult(found, store.identity)
