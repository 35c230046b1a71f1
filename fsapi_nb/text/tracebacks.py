"""Exceptions without passwords: IPython's `%xmode Verbose` prints the values of the variables of every frame.

What an error was raised `from None` of is shown by nothing, but Python keeps it: the driver's errors quote an address, and
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
    """Make a function one whose unexpected exceptions IPython shows without values, in each of its modes.

    An exception that leaves it keeps nothing of what it hides.
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
    """Take away what the error, and each that it comes from, was raised `from None` of."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        if following.__suppress_context__:
            following.__context__ = None
        following = following.__cause__ or following.__context__


def _lines(error: BaseException) -> list[str]:
    """The traceback as Python writes it, secrets in messages and source lines starred."""
    text = "".join(traceback.TracebackException.from_exception(error).format())
    return [*hide_in_message(text).splitlines(), _NOTE]
