"""What became of a database's first migration, which was written from its catalog."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from fsapi_nb.catalog.ddl.definition import Unwritten
from fsapi_nb.catalog.ddl.first_migration import unwritten_lines
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.model.server import Identity
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Medium, Paragraphs, Records, notes_of, paragraph
from fsapi_nb.views.results.base import Result

#: Kinds in the order in which a reader looks for them; others follow by their names.
_ORDER = ("table", "partitioned table", "view", "materialized view", "type", "function", "procedure", "index")
#: What every database has.
_ALWAYS = {("schema", "public"), ("extension", "plpgsql")}


@dataclass(frozen=True, slots=True, repr=False)
class BaselineResult(Result):
    """A first migration that was written from the catalog, proven, and recorded as applied.

    `path` is the file; `snapshot` what it creates, without the objects of `unwritten`. `server` is the scratch server on
    which it was proven.
    """

    path: str
    snapshot: Snapshot
    unwritten: tuple[Unwritten, ...]
    server: str
    identity: Identity | None = None
    notes: tuple[str, ...] = ()

    def headline(self) -> str:
        """Return that the file was written and recorded."""
        return f"{visible_line(self.path)} was created and is recorded as applied{self._on()}."

    def document(self, medium: Medium = STORED) -> Document:
        """Return what it creates, and how it was proven."""
        proof = f"Proven on {visible_line(self.server)}: an empty database migrated with it has the same schema" + (
            ", and its DOWN leaves that empty again." if not self.notes else "."
        )
        counts = f"It creates {self._counts()}."
        return Document(
            self.headline(),
            [Paragraphs([paragraph(counts, counts), paragraph(proof, proof)])],
            notes_of((*self._said(), *self.notes, *unwritten_lines(self.unwritten)), medium),
        )

    def _said(self) -> tuple[str, ...]:
        return ("nothing was run in the database; its data is not in the file",)

    def _counts(self) -> str:
        """Return how many objects there are of each kind."""
        found = Counter(each.kind for each in self.snapshot.objects if (each.kind, each.identity) not in _ALWAYS)
        kinds = sorted(found, key=lambda kind: (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind))
        return ", ".join(counted(found[kind], kind) for kind in kinds) or "nothing, as the database is empty"

    def records(self) -> Records:
        """Return a row for each object that it creates."""
        return Records(["kind", "object"], [(each.kind, each.identity) for each in self.snapshot.objects])

    def facts(self) -> dict[str, Any]:
        """Return the file, the objects, and what is not written."""
        return {
            **self.subject(),
            "file": self.path,
            "proven_on": self.server,
            "objects": [{"kind": each.kind, "object": each.identity} for each in self.snapshot.objects],
            "unwritten": [asdict(each) for each in self.unwritten],
            "notes": self.notes,
        }
