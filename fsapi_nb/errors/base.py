"""Define what every error has: facts, a state and a next step, shown as a few lines of text.

An error is finished when it is raised. A layer that knows more than the one that raised it makes a new error of it, by
`revise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fsapi_nb.text.command import Advice, Face, typed_lines
from fsapi_nb.text.fold import Fold, bounded, one_by_one
from fsapi_nb.text.safe import visible
from fsapi_nb.text.wrap import COLUMNS, hang, wrap

#: The state of a database that an error has left as it was.
UNCHANGED = "unchanged."
#: The line below an error from whose text something was left out.
SHORTENED = "(shortened: the error's lines() and the terminal have everything)"
_DETAILS = Fold(30, 10)

Error = TypeVar("Error", bound="Rendered")


class Rendered(BaseException):
    """An error whose facts are fixed, with a short form: a headline, then what helps.

    IPython shows this form, and no traceback.
    """

    exit_code: int = 1
    message: str
    state: str | None

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("__"):  # Python's own, such as __traceback__
            raise AttributeError(
                f"an error is not changed after it was made ({name}): revise() makes another one of it"
            )
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by their positional arguments; these have keyword arguments, so restore the attributes.
        return _restore, (type(self), self.args, self.__dict__)

    def _whole(self) -> list[str]:
        """Return the whole message, a line each; those with commands are `Advice`."""
        raise NotImplementedError

    def _brief(self) -> list[str]:
        """Return the message as a notebook stores it: of many details the first and the last."""
        return self._whole()

    def _shown(self) -> list[str]:
        """Return the lines of `str(error)`, bounded by `text.fold`; the last says so if any are left out."""
        lines = bounded(self._brief())
        return lines if lines == one_by_one(self._whole()) else [*lines, SHORTENED]

    def lines(self, face: Face = Face.TERMINAL) -> list[str]:
        """Return the whole message, a line each, with its commands as they are typed there."""
        return typed_lines(self._whole(), face)

    def advice(self) -> Advice:
        """Return `str(error)` as text whose commands each face shows in its own form."""
        return Advice("\n").join(self._shown())

    def __str__(self) -> str:
        return str(self.advice())

    def _render_traceback_(self) -> list[str]:
        first, *rest = typed_lines(self._shown(), Face.NOTEBOOK)
        return [part for line in (f"{type(self).__name__}: {first}", *rest) for part in wrap(line, COLUMNS)]


class FsapiError(Rendered, Exception):
    """The root of what this package raises.

    Attributes: `message` (one line: what happened), `details` (lines that show it), `state` (what the database
    holds), `hint` (what to do next, with commands as a terminal takes them). `lines()` is all of them, and so is
    `str(error)` unless it is very long.
    """

    details: tuple[str, ...]
    hint: str | None

    def __init__(
        self,
        message: str,
        *,
        details: tuple[str, ...] = (),
        state: str | None = None,
        hint: str | None = None,
        **facts: object,
    ) -> None:
        super().__init__(message)
        vars(self).update(message=message, details=details, state=state, hint=hint, **facts)

    def _whole(self) -> list[str]:
        return self._with(self.details)

    def _brief(self) -> list[str]:
        return self._with(_DETAILS.apply(self.details, lambda line: [line], lambda gap: f"… {len(gap)} lines more"))

    def _with(self, details: Sequence[str]) -> list[str]:
        """Return the message, these details, the state and the hint."""
        lines = [*hang(self.message), *details]
        if self.state:
            lines += hang("Database: " + self.state)
        if self.hint:
            lines += hang("→ " + self.hint)
        return [visible(line) for line in lines]

    def to_json(self) -> dict[str, object]:
        """Return the error as one JSON object, for `--json`."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "details": list(self.details),
            "state": self.state,
            "hint": self.hint,
        }


def revise(error: Error, **facts: object) -> Error:
    """Return an error like `error` with those facts instead; its traceback and its cause are the same.

    Raise it `from error.__cause__`, so that Python does not show both.
    """
    unknown = facts.keys() - vars(error).keys()
    if unknown:
        raise TypeError(f"{type(error).__name__} has no {', '.join(sorted(unknown))}")
    revised = _restore(type(error), error.args, vars(error) | facts).with_traceback(error.__traceback__)
    revised.__cause__ = error.__cause__
    revised.__suppress_context__ = True
    return revised


def with_state(error: Error, *sentences: str | None) -> Error:
    """Return an error like that one, with these sentences as its state; empty ones are left out."""
    return revise(error, state=Advice(" ").join(each for each in sentences if each))


def _restore(kind: type[Error], args: tuple[object, ...], attributes: dict[str, object]) -> Error:
    error = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error
