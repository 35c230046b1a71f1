"""How changes of a schema are shown: under a migration that a run completed, and by themselves."""

from __future__ import annotations

from fsapi_nb.model.schema_change import SchemaChange, SchemaChanges
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.width import text_width
from fsapi_nb.text.words import counted
from fsapi_nb.text.wrap import COLUMNS, wrap
from fsapi_nb.views.document import Item, Medium

#: The heading of what changed.
COLUMN = "changed in the schema"
_BETWEEN = ", "
#: Of one migration, of one of a few, and of one of many.
ALONE, OF_FEW, OF_MANY = Fold(14, 5), Fold(8, 3), Fold(3, 1)
_DETAILS = Fold(8, 3)


def fold_of(migrations: int) -> Fold:
    """Return how much is shown of what each of so many migrations changed."""
    return ALONE if migrations == 1 else OF_FEW if migrations <= 4 else OF_MANY


def changes_item(changes: SchemaChanges | None, fold: Fold, medium: Medium, *, indent: str) -> Item:
    """Return what changed: its lines behind the indent, and its text as one cell; nothing if nothing is to be said."""
    if changes is None:
        return Item([], [("",)])
    said = [f"what changed in the schema is not known: {visible_line(changes.unknown)}"] if changes.unknown else []
    said += [visible_line(changes.note)] if changes.note else []
    shown = medium.fold(fold).apply(
        changes.changes, lambda change: [_line(change, medium)], lambda left: f"… {counted(len(left), 'change')} more"
    )
    whole = not medium.folded or shown == [visible_line(change.line()) for change in changes.changes]
    if changes.left_out:
        shown.append(f"… {counted(changes.left_out, 'change')} more, which were too many to be kept")
    lines = [line for text in (*said, *shown) for line in _wrapped(text, indent)]
    return Item(lines, [("\n".join((*said, *shown)),)], whole)


def _line(change: SchemaChange, medium: Medium) -> str:
    """Return the line of a change; of many details a notebook stores the first and the last."""
    details = medium.fold(_DETAILS).apply(change.details, lambda each: [each], lambda left: f"… {len(left)} more")
    return medium.text(visible_line(change._replace(details=tuple(details)).line()))


def _wrapped(text: str, indent: str) -> list[str]:
    """Return a text as lines behind the indent, broken between phrases, and within one only if it is too long."""
    lines = [indent]
    for phrase in text.split(_BETWEEN):
        longer = f"{lines[-1]}{_BETWEEN}{phrase}" if lines[-1].strip() else lines[-1] + phrase
        if lines[-1].strip() and text_width(longer) > COLUMNS:
            lines[-1] += _BETWEEN.rstrip()
            lines.append(f"{indent}  {phrase}")
        else:
            lines[-1] = longer
    return [part for line in lines for part in wrap(line, COLUMNS)]
