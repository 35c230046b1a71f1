"""PostgreSQL migrations in a notebook and a terminal: see what will happen, apply it, prove it, undo it.

`Migrator` is the Python interface, `%load_ext fsapi_nb` the notebook's, `sapi` the terminal's. Importing this,
or loading the extension, opens no connection, starts no server and imports no pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from fsapi_nb.migrator import Migrator

__all__ = ["Migrator", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Migrator":
        from fsapi_nb.migrator import Migrator

        return Migrator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext fsapi_nb`: register the magics. Connects to nothing."""
    from fsapi_nb.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext fsapi_nb`: take the magics away, and put back what had their names."""
    from fsapi_nb.notebook.extension import unload

    unload(shell)
