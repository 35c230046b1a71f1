"""Open connections by a function of the project, which `connect` in `pyproject.toml` names."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsapi_nb.errors import ConfigurationError, FsapiError
from fsapi_nb.project.sources import import_from_source
from fsapi_nb.text.secrets import hide_in_message


@dataclass(frozen=True, slots=True)
class NamedConnector:
    """A function that opens a connection at each call; two are equal if they open the same.

    The module is imported at the first call, from what is installed or from the project's root.
    """

    function: str
    database: str
    root: Path

    def __call__(self) -> Any:
        """Return what the function returns: a new connection.

        Raises ConfigurationError if there is no such function, and what the function raises.
        """
        function = self._find()
        return function(self.database) if _takes_argument(function) else function()

    def _find(self) -> Callable[..., Any]:
        module, _, path = self.function.partition(":")
        if str(self.root) not in sys.path:
            sys.path.append(str(self.root))  # at the end: nothing that is installed is hidden by it
        try:
            found: Any = import_from_source(module, self.root)
        except FsapiError:
            raise
        except Exception as error:  # noqa: BLE001 - a module of the user runs: it may raise anything
            why = hide_in_message(f"{type(error).__name__}: {error}")
            raise self._bad(f"the module {module} cannot be imported: {why}") from None
        for name in path.split("."):
            found = getattr(found, name, None)
        if not callable(found):
            raise self._bad(f"there is no function {path} in {module}")
        function: Callable[..., Any] = found
        return function

    def _bad(self, what: str) -> ConfigurationError:
        hint = f'correct connect = "{self.function}" of [tool.fsapi_nb.databases.{self.database}].'
        return ConfigurationError(f"the database {self.database!r} cannot be opened: {what}", hint=hint)


def _takes_argument(function: Callable[..., Any]) -> bool:
    """Return whether a function needs an argument, which is then the database's name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    places = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return any(each.kind in places and each.default is inspect.Parameter.empty for each in parameters)
