"""Mark in a diagram what a migration has changed, as its run has kept it in the journal. Writes nothing."""

from __future__ import annotations

from dataclasses import replace

from fsapi_nb.catalog.diagram import Diagram, DiagramSubject, neighbourhood
from fsapi_nb.catalog.diagram_changes import mark_changes, marked_tables
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.verbs.changes import find_changes

#: Of more tables than this only those that have changed are shown, and their neighbours.
MANY = 20


def mark_diagram(
    store: HistoryStore, diagram: Diagram, of: DiagramSubject, name: str, *, cut: bool
) -> tuple[Diagram, DiagramSubject]:
    """Return the diagram with what the migration changed marked, and what is to be said of that.

    Args:
        store: Where the journal is.
        diagram: All tables that may be shown.
        of: What the diagram is of otherwise.
        name: Of the migration, or a part of it.
        cut: Whether tables that have not changed may be left out.

    Raises:
        UnknownMigration: No migration has such a name, or more than one.
    """
    name, kept = find_changes(store, name)
    homes = [each for each in (store.identity.schema, store.tables.schema, "public") if each]
    notes: list[str] = []
    if not kept:
        notes.append(f"nothing is known of what {visible_line(name)} changed: it was not run here")
    changes = kept[-1].changes if kept else None
    if changes is not None:
        notes += [f"what it changed is not known: {visible_line(changes.unknown)}"] if changes.unknown else []
        notes += [visible_line(changes.note)] if changes.note else []
        if len(kept[-1].names) > 1:
            notes.append(
                f"it ran together with others: marked is what {counted(len(kept[-1].names), 'migration')} changed"
            )
        if kept[-1].event == "down":
            notes.append("it was rolled back: marked is what its DOWN changed")
        if changes.left_out:
            notes.append(f"{counted(changes.left_out, 'change')} more could not be kept")
    marked = mark_changes(diagram, changes.changes if changes else (), homes)
    if marked.gone:
        shown = ", ".join(visible_line(each) for each in marked.gone[:8])
        notes.append(f"renamed or dropped since: {shown}{', …' if len(marked.gone) > 8 else ''}")
    found, touched = marked.diagram, marked_tables(marked.diagram)
    if changes is not None and not changes.unknown and not touched and not marked.gone:
        notes.append("it changed no table")
    if cut and touched and len(found.tables) > MANY:
        nearby = neighbourhood(found, touched)
        left_out = len(found.tables) - len(nearby.tables)
        notes += [f"{counted(left_out, 'table')} that it did not touch: not shown"] if left_out else []
        found = nearby
    return found, replace(of, migration=name, notes=tuple(notes))
