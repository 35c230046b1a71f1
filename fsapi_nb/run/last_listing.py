"""Keep the last listing of a run's catalog in memory, for a later run that can prove that nothing has changed since.

The proof is PostgreSQL's snapshot: it says which transactions are visible, so two that are equal see the same rows. Two
transactions of a run come after its last listing, that which writes to the journal and that which notifies others. The
snapshot is known that there will be if they are the only ones. If any session of the server has written anything since,
it is another one, and the catalog is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsapi_nb.catalog.listing.reading import CatalogListing
from fsapi_nb.postgres.session import SessionEnd

_MOST_ROWS = 100_000  # so that a kernel does not hold much memory for long


@dataclass(frozen=True, slots=True)
class ListingReader:
    """Where and as whom a listing was read: from one start of a server, of one database and of these schemas."""

    started: str
    database: str
    role: str
    schemas: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class LastListing:
    """A listing, and how the session has ended that wrote to the journal after it."""

    reader: ListingReader
    listing: CatalogListing
    end: SessionEnd

    def is_true_under(self, snapshot: str) -> bool:
        """Return whether nothing but the end of its own run lies between the listing and this snapshot."""
        return self.end.has_notified and snapshot == _behind(_behind(self.listing.snapshot))


_last: LastListing | None = None


def remember(reader: ListingReader, listing: CatalogListing, end: SessionEnd) -> None:
    """Keep the listing in place of the one before, unless it is very large. The run must have written to its journal since."""
    global _last  # noqa: PLW0603  the one listing that outlives its run
    is_small = sum(map(len, listing.rows.values())) <= _MOST_ROWS
    _last = LastListing(reader, listing, end) if is_small else None


def last_of(database: str, schemas: Sequence[str] | None) -> LastListing | None:
    """Return the listing that is kept, if it may be one of that database."""
    wanted = None if schemas is None else tuple(schemas)
    return _last if _last and (_last.reader.database, _last.reader.schemas) == (database, wanted) else None


def _behind(snapshot: str) -> str:
    """Return what a snapshot becomes if only the next transaction is committed behind it.

    PostgreSQL writes `xmin:xmax:xip`: the transactions before xmax have ended, but for those in xip, of which xmin is the
    first.
    """
    first, end, running = snapshot.split(":")
    following = str(int(end) + 1)
    return f"{first if running else following}:{following}:{running}"
