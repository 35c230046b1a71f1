"""Warn after a cell that plots or describes a frame if pandas left out its exact columns, and say how to include them.

`numeric`, and so `avg()` and `sum(bigint)`, comes as exact Decimals, which pandas does not treat as numbers: `.plot()`
and `.describe()` skip such columns, silently if there are others. Reads cells after they have run; changes nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from fsapi_nb.text.safe import visible_line

_LEAVE_OUT = ("plot", "hist", "boxplot", "describe")
_CONVERT = {"astype", "apply", "map"}


class DecimalWatch:
    """The check of each cell after it has run."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def after(self, result: Any) -> None:
        """Print the hints for a cell. A callback of IPython's `post_run_cell`."""
        cell = result.info.raw_cell or ""
        if any(f".{word}" in cell for word in _LEAVE_OUT):
            for line in dict.fromkeys(_hints(self._shell.transform_cell(cell), self._shell.user_ns)):
                print(visible_line(line), file=sys.stderr)


def _hints(source: str, names: Mapping[str, Any]) -> Iterator[str]:
    from fsapi_nb.views.frames import exact_columns

    try:
        tree = ast.parse(source)
    except SyntaxError:
        return  # Python has reported it
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in _LEAVE_OUT:
            continue
        name, selected, converted = _origin(node.value)
        frame: Any = names.get(name)
        if converted or "fsapi" not in getattr(frame, "attrs", ()):
            continue
        exact = exact_columns(frame)
        selected &= {str(column) for column in frame.columns}
        columns = [column for column in exact if column in selected or not selected]
        if columns:
            yield _hint(name, columns, node.attr)


def _origin(node: ast.expr) -> tuple[str, set[str], bool]:
    """Return the variable at the beginning of a chain of calls and subscripts, what it may select, and if it converts.

    A condition on the rows (`t[t["a"] > 1]`) selects no column.
    """
    selected: set[str] = set()
    converted = False
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Subscript):
            selected |= _selected(node.slice)
            node = node.value
        elif isinstance(node, ast.Attribute):
            selected.add(node.attr)
            converted = converted or node.attr in _CONVERT
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return "", selected, converted
    return node.id, selected, converted


def _selected(index: ast.expr) -> set[str]:
    """Return the texts of an index: one (`t["a"]`), a list of them, or either after the rows (`t.loc[:, "a"]`)."""
    if isinstance(index, ast.Tuple) and index.elts:
        return _selected(index.elts[-1])
    parts = index.elts if isinstance(index, ast.List) else [index]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _hint(name: str, columns: list[str], word: str) -> str:
    one = len(columns) == 1
    kinds = ", ".join(f"{column!r}: float" for column in columns)
    return (
        f"{' and '.join([', '.join(columns[:-1]), columns[-1]] if not one else columns)} {'is' if one else 'are'} numeric: "
        f"exact Decimals, which .{word}() leaves out. For floats, write ::float8 after the expression in the SQL, or "
        f"{'' if name == '_' else name}.astype({{{kinds}}})."
    )
