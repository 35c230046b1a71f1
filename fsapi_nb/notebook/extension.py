"""Register the magics in a shell, and remove them; report name clashes; switch automagic off for them.

Loading makes no connection and imports neither pandas nor SQLAlchemy.
"""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.prefilter import PrefilterChecker

from fsapi_nb.notebook import bridge
from fsapi_nb.notebook.completion import completer
from fsapi_nb.notebook.decimals import DecimalWatch
from fsapi_nb.notebook.formulas import PlainFrames
from fsapi_nb.notebook.magics import MigrateMagics
from fsapi_nb.notebook.passwords import PasswordWatch
from fsapi_nb.notebook.times import TimedResults

_NAMES = {"line": ("migrate", "rollback", "schema", "query"), "cell": ("migration", "query", "check")}
_ALIAS = "fsapi_"
_loaded: dict[int, _Loaded] = {}
# The settings of `%config` when a shell's extension was unloaded: `%reload_ext` must not change the database.
_settings: dict[int, dict[str, Any]] = {}


class NoAutomagic(PrefilterChecker):
    """A checker that leaves lines such as `rollback` to Python: IPython's automagic would run `%rollback`."""

    priority = 600  # before automagic, which has 700

    def check(self, line_info: Any) -> Any:
        """Return the handler of plain Python for a magic's name without a percent sign; None for everything else."""
        names = {*_NAMES["line"], *(_ALIAS + name for name in _NAMES["line"])}
        if line_info.esc or line_info.ifun not in names or not self.enabled:
            return None
        manager: Any = self.prefilter_manager
        return manager.get_handler_by_name("normal")


class _Loaded:
    """The changes that loading made to one shell, so that they can be undone."""

    def __init__(self, shell: Any) -> None:
        self.magics = MigrateMagics(shell)  # this adds it to shell.configurables, for `%config`
        self.before = {
            (kind, name): shell.magics_manager.magics[kind][name]
            for kind, names in _NAMES.items()
            for name in names
            if name in shell.magics_manager.magics[kind]
        }
        checker: Any = NoAutomagic  # IPython's own constructors are not annotated
        self.checker = checker(shell=shell, prefilter_manager=shell.prefilter_manager, config=shell.config)
        self.completer = completer(self.magics)
        self.sql_calls = bridge.SqlCalls()
        self.passwords = PasswordWatch()
        self.decimals = DecimalWatch(shell)
        self.frames = PlainFrames(shell)
        self.results = TimedResults(shell, lambda: self.magics.times)

    def owns(self, function: object) -> bool:
        """Return whether a registered magic is one of these, and not that of an extension loaded later."""
        return getattr(function, "__self__", None) is self.magics


def load(shell: Any) -> None:
    """Register the magics and everything around them in a shell. Loading twice changes nothing."""
    if id(shell) in _loaded:
        return
    loaded = _Loaded(shell)
    for name, value in _settings.get(id(shell), {}).items():
        setattr(loaded.magics, name, value)
    shell.register_magics(loaded.magics)
    for kind, names in _NAMES.items():
        for name in names:
            registered = shell.magics_manager.magics[kind][name]
            shell.magics_manager.register_function(registered, magic_kind=kind, magic_name=_ALIAS + name)
    shell.prefilter_manager.register_checker(loaded.checker)
    shell.Completer.custom_matchers.append(loaded.completer)
    bridge.install(shell, loaded.sql_calls, loaded.magics)
    shell.events.register("pre_run_cell", loaded.passwords.before)
    shell.events.register("post_run_cell", loaded.passwords.after)
    shell.events.register("post_run_cell", loaded.decimals.after)
    loaded.frames.install()
    loaded.results.install()
    _loaded[id(shell)] = loaded
    for (kind, name), other in loaded.before.items():
        sign = "%" if kind == "line" else "%%"
        owner = getattr(other, "__module__", None) or "another extension"
        print(
            f"{sign}{name} was registered by {owner} and is now fsapi_nb's; {sign}{_ALIAS}{name} always is. "
            "%unload_ext fsapi_nb gives it back.",
            file=sys.stderr,
        )


def unload(shell: Any) -> None:
    """Remove the magics, and restore those that had their names before. Settings are kept for the next load."""
    loaded = _loaded.pop(id(shell), None)
    if loaded is None:
        return
    _settings[id(shell)] = {name: getattr(loaded.magics, name) for name in loaded.magics.trait_names(config=True)}
    shell.prefilter_manager.unregister_checker(loaded.checker)
    shell.Completer.custom_matchers.remove(loaded.completer)
    bridge.uninstall(shell, loaded.sql_calls)
    shell.events.unregister("pre_run_cell", loaded.passwords.before)
    shell.events.unregister("post_run_cell", loaded.passwords.after)
    shell.events.unregister("post_run_cell", loaded.decimals.after)
    loaded.frames.uninstall()
    loaded.results.uninstall()
    shell.configurables.remove(loaded.magics)
    for kind, names in _NAMES.items():
        magics = shell.magics_manager.magics[kind]
        for name in [_ALIAS + name for name in names] + list(names):
            if loaded.owns(magics.get(name)):
                del magics[name]
                if (kind, name) in loaded.before:
                    magics[name] = loaded.before[kind, name]
