"""Notebooks as files: read one to execute it, write an executed one. Never changes the original."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsapi_nb.errors import UNCHANGED, ConfigurationError, UsageError
from fsapi_nb.project.regular_file import read_regular
from fsapi_nb.runbook.parameters import INJECTED, TAG


@dataclass(frozen=True, slots=True)
class Original:
    """A notebook as it was read: its file, the SHA-256 of its bytes, and its document, prepared to be run."""

    path: Path
    digest: str
    document: Any

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def read(path: Path) -> Original:
    """Read a notebook, remove its outputs, and give every cell an id. The file is not changed.

    Args:
        path: The notebook's file.

    Raises:
        UsageError: The file is missing, is not a notebook, or is a notebook for another language than Python.
        ConfigurationError: nbformat is not installed.
    """
    nbformat = _nbformat()
    try:
        content = read_regular(path)
        document = nbformat.reads(content.decode(), as_version=4)
    except OSError as error:
        what = "there is no notebook" if isinstance(error, FileNotFoundError) else "the notebook cannot be read:"
        raise UsageError(f"{what} {path.name}", details=(f"  {path}: {error.strerror}",), state=UNCHANGED) from None
    except Exception as error:  # noqa: BLE001 - nbformat raises what its parsers raise
        hint = "is it an .ipynb file, and was it saved?"
        raise UsageError(f"{path.name} is not a notebook: {_first_line(error)}", state=UNCHANGED, hint=hint) from None
    language = document.metadata.get("kernelspec", {}).get("language") or "python"
    if str(language).lower() != "python":
        raise UsageError(f"{path.name} is a notebook for {language}, not for Python", state=UNCHANGED)
    return Original(path.absolute(), hashlib.sha256(content).hexdigest(), _prepared(document))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _prepared(document: Any) -> Any:
    """Return the document as it is before a run: its outputs are those of another one."""
    document.metadata.pop("widgets", None)
    if (document.nbformat, document.nbformat_minor) < (4, 5):
        document.nbformat_minor = 5
    for number, cell in enumerate(document.cells, start=1):
        cell.setdefault("id", f"cell-{number}")
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
            cell.metadata.pop("execution", None)
    return document


def parameters_cell(document: Any) -> Any | None:
    """Return the first code cell tagged `parameters`; None if there is none."""
    return next((cell for cell in document.cells if cell.cell_type == "code" and _has(cell, TAG)), None)


def inject(document: Any, source: str) -> Any:
    """Insert a cell of that source where papermill does, after the parameters, and return it.

    A cell that an earlier run injected is removed. Without a parameters cell the new one comes first.
    """
    new: Any = _nbformat().v4
    cell = new.new_code_cell(source, id=INJECTED, metadata={"tags": [INJECTED]})
    document.cells = [each for each in document.cells if not _has(each, INJECTED) and each.id != INJECTED]
    after = parameters_cell(document)
    document.cells.insert(0 if after is None else document.cells.index(after) + 1, cell)
    return cell


def as_code(document: Any, number: int) -> Any:
    """Make the cell of that number, counted from zero, a code cell if it is a raw one, and return it."""
    cell = document.cells[number]
    if cell.cell_type != "code":
        new: Any = _nbformat().v4
        cell = document.cells[number] = new.new_code_cell(cell.source, id=cell.id, metadata=cell.metadata)
    return cell


def save(document: dict[str, Any], path: Path) -> None:
    """Write a notebook, whole or not at all. Raises OSError."""
    nbformat = _nbformat()
    write(path, nbformat.writes(nbformat.from_dict(document)) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all. Its folder decides who may read it. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(unfinished, path)


def _has(cell: Any, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def _nbformat() -> Any:
    try:
        import nbformat
    except ImportError:
        hint = "install what it needs: pip install 'fsapi_nb[runbook]'."
        raise ConfigurationError("nbformat is not installed, and runbooks need it", hint=hint) from None
    return nbformat
