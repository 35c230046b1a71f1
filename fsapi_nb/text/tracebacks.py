"""Tracebacks without the values of variables: IPython's `%xmode Verbose` prints those of every frame, passwords included."""

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
    """Make a function one whose unexpected exceptions IPython shows without values, in each of its modes."""

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            if not hasattr(error, "_render_traceback_"):
                error._render_traceback_ = functools.partial(_lines, error)  # type: ignore[attr-defined]
            raise

    return call


def _lines(error: BaseException) -> list[str]:
    """The traceback as Python writes it, secrets in messages and source lines starred."""
    text = "".join(traceback.TracebackException.from_exception(error).format())
    return [*hide_in_message(text).splitlines(), _NOTE]
