"""Keep passwords out of tracebacks.

IPython's `%xmode Verbose` prints the values of the variables of every frame. Python keeps the error that another one
replaced with `raise ... from None`, although nothing shows it: psycopg's errors quote the address of the database, and
their frames hold it.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from fsapi_nb.text.secrets import hide_in_message

_P = ParamSpec("_P")
_R = TypeVar("_R")
_NOTE = "The values of variables are not shown: one may be a password."


def hides_values(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make IPython show the function's exceptions without values, in each of its traceback modes.

    An exception that leaves the function no longer refers to the errors that it hides (`from None`).
    """

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            _drop_hidden(error)
            if not hasattr(error, "_render_traceback_"):
                error._render_traceback_ = functools.partial(_lines, error)  # type: ignore[attr-defined]
            raise

    return call


def _drop_hidden(error: BaseException) -> None:
    """Remove the hidden context (`from None`) of an error and of each error that it comes from."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        if following.__suppress_context__:
            following.__context__ = None
        following = following.__cause__ or following.__context__


def _lines(error: BaseException) -> list[str]:
    """Return the traceback as Python writes it, with secrets in messages and source lines starred."""
    text = "".join(traceback.TracebackException.from_exception(error).format())
    return [*hide_in_message(text).splitlines(), _NOTE]
