"""The checksum of a migration: over its tokens, so that comments, blanks and line ends between them do not matter.

Every literal, name and body does. A line end inside a literal counts as `\\n`, so that a checkout with CRLF is
no edit; nothing is normalised in what runs. (libpg_query's fingerprint is of no use here: it calls
`varchar(10)` and `varchar(99)` equal.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

ALGORITHM = "tokens-sha256"


def checksum(sections: Iterable[Iterable[bytes] | None]) -> str:
    """The checksum of the sections' tokens (None: the section is not there), with its algorithm's name."""
    digest = hashlib.sha256()
    for tokens in sections:
        digest.update(b"-\x01" if tokens is None else b"+\x01")
        for token in tokens or ():
            digest.update(token.replace(b"\r\n", b"\n"))
            digest.update(b"\x00")
    return f"{ALGORITHM}:{digest.hexdigest()}"
