"""Import a module of a project from the sources that its user has seen.

A compiled form that came with the project is not used: Python believes a file in `__pycache__` that says which source
it is of.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, module_from_spec
from itertools import accumulate
from pathlib import Path
from types import CodeType, ModuleType

_mutex = threading.Lock()


class _UncachedLoader(SourceFileLoader):
    """A loader that compiles the source at each import, and keeps nothing of that."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def import_from_source(name: str, root: Path) -> ModuleType:
    """Import a module and the packages that it is in; those that lie in `root` from their sources.

    What these import, Python imports as ever. Raises what they raise.
    """
    with _mutex:
        for each in accumulate(name.split("."), "{}.{}".format):
            if each not in sys.modules and (spec := find_spec(each)) and _is_source_in(spec, root):
                _load(spec)
    return importlib.import_module(name)


def _is_source_in(spec: ModuleSpec, root: Path) -> bool:
    if type(spec.loader) is not SourceFileLoader or spec.origin is None:
        return False
    return Path(os.path.realpath(spec.origin)).is_relative_to(os.path.realpath(root))


def _load(spec: ModuleSpec) -> None:
    """Execute the source of a module, and put the module where an import would put it."""
    loader = spec.loader = _UncachedLoader(spec.name, str(spec.origin))
    module = sys.modules[spec.name] = module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(spec.name, None)
        raise
    parent, _, own = spec.name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, module)
