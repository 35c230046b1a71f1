"""The checksum of a migration: over its tokens, so that comments, blanks and line ends between them do not matter.

Every literal, name and body does. A line end inside a literal counts as `\\n`, so that a checkout with CRLF is
no edit; nothing is normalised in what runs. (libpg_query's fingerprint is of no use here: it calls
`varchar(10)` and `varchar(99)` equal.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from fsapi_nb.model import Statement
from fsapi_nb.script.parser import COMMENTS, scan

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


def statements_checksum(statements: Iterable[Statement]) -> str:
    """The checksum of some of a script's statements, their COPY data included: what a step that is done has run."""
    return checksum([_tokens(statement) for statement in statements])


def _tokens(statement: Statement) -> Iterable[bytes]:
    text = statement.text.encode()
    for token in scan(text)[0]:
        if token.kind not in COMMENTS:
            yield text[token.start : token.end]
    if statement.copy:
        yield statement.copy.data
