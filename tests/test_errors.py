"""Errors are finished when they are raised."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator

import pytest

from fsapi_nb.errors import FsapiError, Interrupted, QueryFailed, StatementFailed, revise, with_state
from fsapi_nb.model.server import ServerMessage

_MESSAGE = ServerMessage("42601", "no", None, None, None)
_ALL = (
    FsapiError("no", state="unchanged.", hint="look"),
    StatementFailed(_MESSAGE, migration="a.sql", place=None, state="unchanged."),
    QueryFailed(_MESSAGE, place=None, state="unchanged."),
    Interrupted("stopped", "unchanged.", ("a.sql",)),
)


@pytest.mark.parametrize("error", _ALL, ids=lambda error: type(error).__name__)
def test_no_attribute_of_an_error_can_be_set(error: FsapiError | Interrupted) -> None:
    """Neither one that it has nor a new one: nobody completes an error that he has caught."""
    for name in (*vars(error), "blockers", "result", "other"):
        with pytest.raises(AttributeError, match="an error is not changed"):
            setattr(error, name, "x")


@pytest.mark.parametrize("error", _ALL, ids=lambda error: type(error).__name__)
def test_an_error_with_another_state_is_another_error(error: FsapiError | Interrupted) -> None:
    """It has the other facts, the place where it was raised and the cause; the first is as it was."""
    cause = ValueError("cause")
    with pytest.raises(type(error)) as caught:
        raise error from cause
    other = with_state(caught.value, caught.value.state, "", None, "More.")
    assert (other.state, caught.value.state) == ("unchanged. More.", "unchanged.")
    assert type(other) is type(error)
    assert other.__cause__ is cause
    assert other.__traceback__ is not None
    assert "More." in str(other)
    assert {**vars(other), "state": ""} == {**vars(error), "state": ""}


def test_only_facts_that_an_error_has_can_be_others() -> None:
    """A misspelt name is no fact."""
    with pytest.raises(TypeError, match="FsapiError has no stat"):
        revise(FsapiError("no"), stat="x")


@pytest.mark.parametrize("error", _ALL, ids=lambda error: type(error).__name__)
def test_an_error_comes_through_pickle_and_context_managers(error: FsapiError | Interrupted) -> None:
    """Python itself sets the traceback and the context of an error."""
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again), again.args) == (str(error), vars(error), error.args)

    @contextlib.contextmanager
    def passing() -> Iterator[None]:
        yield

    with pytest.raises(type(error)), passing(), passing():
        raise again
