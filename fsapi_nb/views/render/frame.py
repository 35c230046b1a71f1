"""What a result holds as a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsapi_nb.model.result import ResultSet
from fsapi_nb.views.document import Records

if TYPE_CHECKING:
    import pandas

    from fsapi_nb.model.server import Identity

_INTEGERS = {"duration_ms", "server_pid", "columns", "rows", "bytes", "partitions"}


def frame_of(records: Records | ResultSet, identity: Identity | None) -> pandas.DataFrame:
    """Return the records as a DataFrame with a column for the database and one for its server.

    What a query gave keeps its own columns, typed as `views.frames.to_frame` says: they are the user's.
    """
    if isinstance(records, ResultSet):
        from fsapi_nb.views.frames import to_frame

        return to_frame(records)
    import pandas

    columns = list(records.columns)
    frame = pandas.DataFrame([tuple(row) for row in records.rows], columns=columns)
    frame = frame.astype({name: "Int64" for name in columns if name in _INTEGERS})
    if identity is not None:
        frame["database"], frame["server"] = identity.database, identity.server
    return frame
