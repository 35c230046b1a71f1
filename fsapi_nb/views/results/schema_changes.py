"""How changes of a schema are shown: under a migration that a run completed, and by themselves."""

from __future__ import annotations

from fsapi_nb.model.schema_change import SchemaChanges
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.text.wrap import COLUMNS, wrap
from fsapi_nb.views.document import Item, Medium

#: The heading of what changed.
COLUMN = "changed in the schema"
#: Of one migration, of one of a few, and of one of many.
ALONE, OF_FEW, OF_MANY = Fold(14, 5), Fold(8, 3), Fold(3, 1)


def fold_of(migrations: int) -> Fold:
    """Return how much is shown of what each of so many migrations changed."""
    return ALONE if migrations == 1 else OF_FEW if migrations <= 4 else OF_MANY


def changes_item(changes: SchemaChanges | None, fold: Fold, medium: Medium, *, indent: str) -> Item:
    """Return what changed: its lines behind the indent, and its text as one cell; nothing if nothing is to be said."""
    if changes is None:
        return Item([], [("",)])
    said = [f"what changed in the schema is not known: {changes.unknown}"] if changes.unknown else []
    said += [changes.note] if changes.note else []
    shown = medium.fold(fold).apply(
        changes.changes, lambda change: [change.line()], lambda left: f"… {counted(len(left), 'change')} more"
    )
    shown += (
        [f"… {counted(changes.left_out, 'change')} more, which were too many to be kept"] if changes.left_out else []
    )
    lines = [line for text in (*said, *shown) for line in wrap(indent + visible_line(text), COLUMNS)]
    whole = not medium.folded or len(shown) >= len(changes.changes)
    return Item(lines, [("\n".join((*said, *shown)),)], whole)
