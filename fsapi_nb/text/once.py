"""Compute a property when it is first read, and once only, even if several threads read it.

`functools.cached_property` has no lock since Python 3.12: eight threads that plan the same files would parse each eight
times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801 - a decorator, named like `property`
    """A property whose value is kept in the instance's `__dict__`.

    While it is computed, other threads wait for it. An error is not kept: the next read tries again.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self._lock = f"{compute.__name__} is computed"
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> once[Value]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> once[Value] | Value:
        # Python calls this only until the value is in `__dict__`: an entry there hides a descriptor without `__set__`.
        if instance is None:
            return self
        values = instance.__dict__
        with values.setdefault(self._lock, threading.RLock()):
            try:
                if self._name not in values:
                    values[self._name] = self._compute(instance)
                value: Value = values[self._name]
            finally:
                values.pop(self._lock, None)  # an instance that holds a lock cannot be pickled
        return value
