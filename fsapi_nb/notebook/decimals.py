"""Tells whoever draws or describes a frame which of its columns pandas leaves out, and the way to take them along.

`numeric`, and so `avg()` and `sum(bigint)`, comes as exact Decimals, which pandas takes for no numbers: `.plot()` and
`.describe()` pass over them, in silence where other columns are left. Looks at cells once they have run; changes nothing.
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
    """Looks at each cell once it has run."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def after(self, result: Any) -> None:
        """For IPython's `post_run_cell`."""
        cell = result.info.raw_cell or ""
        if any(f".{word}" in cell for word in _LEAVE_OUT):
            for line in dict.fromkeys(_hints(self._shell.transform_cell(cell), self._shell.user_ns)):
                print(visible_line(line), file=sys.stderr)


def _hints(source: str, names: Mapping[str, Any]) -> Iterator[str]:
    from fsapi_nb.views.frames import exact_columns

    try:
        tree = ast.parse(source)
    except SyntaxError:
        return  # Python has said so
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in _LEAVE_OUT:
            continue
        name, taken, converted = _origin(node.value)
        frame: Any = names.get(name)
        if converted or "fsapi" not in getattr(frame, "attrs", ()):
            continue
        exact = exact_columns(frame)
        taken &= {str(column) for column in frame.columns}
        columns = [column for column in exact if column in taken or not taken]
        if columns:
            yield _hint(name, columns, node.attr)


def _origin(node: ast.expr) -> tuple[str, set[str], bool]:
    """The variable that a chain of calls and subscripts begins with, what it may select, whether it converts any.

    A condition on the rows (`t[t["a"] > 1]`) selects no column.
    """
    taken: set[str] = set()
    converted = False
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Subscript):
            taken |= _selected(node.slice)
            node = node.value
        elif isinstance(node, ast.Attribute):
            taken.add(node.attr)
            converted = converted or node.attr in _CONVERT
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return "", taken, converted
    return node.id, taken, converted


def _selected(index: ast.expr) -> set[str]:
    """The texts of an index that is one (`t["a"]`), a list of them, or such behind rows (`t.loc[:, "a"]`)."""
    if isinstance(index, ast.Tuple) and index.elts:
        return _selected(index.elts[-1])
    parts = index.elts if isinstance(index, ast.List) else [index]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _hint(name: str, columns: list[str], word: str) -> str:
    one = len(columns) == 1
    kinds = ", ".join(f"{column!r}: float" for column in columns)
    return (
        f"{' and '.join([', '.join(columns[:-1]), columns[-1]] if not one else columns)} {'is' if one else 'are'} numeric: "
        f"exact Decimals, which .{word}() leaves out. For floats: ::float8 behind the expression in the SQL, or "
        f"{'' if name == '_' else name}.astype({{{kinds}}})."
    )
