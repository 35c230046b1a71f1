"""Define what a verb is: its name, its help, its arguments, and the call that does it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsapi_nb.commands.arguments import Argument

if TYPE_CHECKING:
    from fsapi_nb.migrator import Migrator
    from fsapi_nb.views.results import Result


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: its name, one line of help, its arguments, and the call that does it.

    One that needs no database has `alone` instead, and takes none of the options of the others.
    """

    name: str
    help: str
    run: Callable[[Migrator, argparse.Namespace], Result]
    arguments: tuple[Argument, ...] = ()
    alone: Callable[[argparse.Namespace], Result] | None = None
