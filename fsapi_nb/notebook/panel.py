"""`%migrate panel`: connect the panel's clicks with a `Migrator`. Views decide what is shown, plans what is run.

- A click arrives in a thread that the kernel chooses (this differs between ipykernel's versions). What it starts is done
  in the main thread, where it can be interrupted.
- `_acting` allows one action at a time, and a plan runs only with the token under which it was shown: a second click, or
  one on an old plan, does nothing.
- `_updating` is held while the widget's state is set: a run, its watcher and the thread that follows the database all do
  that. `_reading` is held while the database is read, which takes longer: no run waits for a reader.
- What each button would do is read when the list is shown already, by the thread that follows the database, and
  `_foreseeing` is held meanwhile. It is shown if the migrations still stand where they stood when it was read. It is only
  to be looked at: a click makes the plan that runs.
- A link of the page only selects a migration. `_draw_detail` takes no name that the status does not have.
- No callback raises: a kernel would only log it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from fsapi_nb.errors import FsapiError, Interrupted
from fsapi_nb.events import Observer
from fsapi_nb.migrator import Migrator
from fsapi_nb.model.plan import Plan
from fsapi_nb.notebook.display import publish
from fsapi_nb.notebook.live import ThrottledProgress
from fsapi_nb.notebook.main_thread import on_main_thread
from fsapi_nb.notebook.previews import possible_actions, previews_of
from fsapi_nb.notebook.widgets.links import Links
from fsapi_nb.notebook.widgets.plan import preview_state, proposal_state
from fsapi_nb.text.command import Face, typed_lines
from fsapi_nb.text.safe import visible
from fsapi_nb.text.secrets import hide_in_message
from fsapi_nb.views.results import PlanResult, RunResult, StatusResult
from fsapi_nb.views.results.panel import panel_note, panel_twin

_numbers = itertools.count(1)
_TITLES = {"next": "Apply the next migration?", "all": "Apply all?", "back": "Roll the last migration back?"}
_AGAIN = 2.0  # seconds

MakeMigrator = Callable[[tuple[Observer, ...]], Migrator]


class Panel:
    """The panel of one database. A page without widgets shows only its static twin, which is text and HTML.

    `status` is what it showed last.
    """

    def __init__(self, make: MakeMigrator, *, live: bool) -> None:
        self._pictures = ThrottledProgress(lambda state: self._update(progress=state))
        self._migrator = make((self._pictures,))
        self.status: StatusResult = self._migrator.status()
        self._twin = f"fsapi-panel-{next(_numbers)}"
        self._published = False
        self._acting = threading.Lock()
        self._reading = threading.RLock()
        self._updating = threading.RLock()
        self._foreseeing = threading.Lock()
        self._widget: Any = self._make_widget() if live else None
        self._proposal: tuple[str, str, PlanResult] | None = None
        self._tokens = itertools.count(1)
        self._views: set[str] = set()
        self._stopped = threading.Event()
        self._again = threading.Timer(_AGAIN, self._changed, [None])

    def __repr__(self) -> str:
        return repr(self.status)

    def _ipython_display_(self) -> None:
        """Show the widget, and below it the twin, which a saved notebook keeps."""
        bundle, metadata = panel_note(), {}
        if self._widget is not None:
            shown, metadata = self._widget._repr_mimebundle_()
            bundle = {**shown, **bundle}
        publish(bundle, metadata)
        publish(panel_twin(self.status), name=self._twin)
        self._published = True

    # -- what it shows ---------------------------------------------------------------------------------------------

    def _make_widget(self) -> Any:
        from fsapi_nb.notebook.widgets.panel import PanelWidget

        widget = PanelWidget()
        widget.on_msg(self._clicked)
        widget.observe(self._selected, "selected")
        self._draw_status(widget)
        return widget

    def _draw_status(self, widget: Any) -> None:
        from fsapi_nb.notebook.widgets.panel import database_state, row_states, state_counts

        with self._updating, widget.hold_sync():
            widget.database = database_state(self.status)
            widget.counts = state_counts(self.status)
            widget.rows = row_states(self.status)
            widget.possible = possible_actions(self.status)

    def _update(self, **state: object) -> None:
        """Set traits of the widget: those that differ are sent to the page."""
        with self._updating:
            for name, value in state.items():
                setattr(self._widget, name, value)

    def _refresh(self) -> None:
        """Read everything again and show it, in the twin too, so that a saved notebook has the last state."""
        with self._reading:
            self._show_status(self._migrator.status())
            self._update(offline="")
            if self._widget.selected:
                self._draw_detail(self._widget.selected)
            if self._published:
                publish(panel_twin(self.status), name=self._twin, update=True)

    def _show_status(self, status: StatusResult) -> None:
        with self._updating:
            before, self.status = self.status, status
            self._draw_status(self._widget)
            if _standing(before) != _standing(status):
                self._update(previews={})  # they are about what was pending or applied before

    def _draw_detail(self, name: str) -> None:
        from fsapi_nb.notebook.widgets.panel import detail_state

        known = name in {status.name for status in self.status.statuses}
        self._update(detail=detail_state(self._migrator.show(name), self._links()) if known else None)

    def _links(self) -> Links:
        return Links(self.status.statuses)

    def _foresee(self) -> None:
        """Say before each button what it would do, unless another runner is at work."""
        with self._foreseeing:
            seen = self.status
            if seen.runner:
                return
            previews = previews_of(seen, self._plan)
            with self._updating:
                if _standing(self.status) == _standing(seen):
                    self._update(previews=previews)

    # -- what is clicked -------------------------------------------------------------------------------------------

    def _selected(self, change: dict[str, Any]) -> None:
        self._guarded(self._draw_detail, str(change["new"]))

    def _clicked(self, _widget: object, message: dict[str, Any], _buffers: object) -> None:
        """Handle a message of the page. It is not trusted: the cases below are all that it can ask for."""
        match message:
            case {"do": "propose", "what": str(what)} if what in _TITLES:
                self._alone(self._propose, what)
            case {"do": "run", "token": str(token), **rest}:
                self._alone(self._run, token, bool(rest.get("sure")))
            case {"do": "cancel"}:
                self._proposal = None
                self._update(proposal=None)
            case {"do": "refresh"}:
                self._guarded(self._refresh)
                self._guarded(self._foresee)
            case {"do": "dismiss"}:
                self._update(error=[], said=[])
            case {"do": "shown", "view": str(view)}:
                self._follow(view)
            case {"do": "hidden", "view": str(view)}:
                self._leave(view)
        self._widget.send({"answered": True})

    def _alone(self, act: Callable[..., None], *values: object) -> None:
        """Act in the main thread, unless an action is running already: a second click must not be a second run."""
        if not self._acting.acquire(blocking=False):
            return
        self._update(busy="waiting for the running cell", error=[], said=[])
        on_main_thread(lambda: self._act(act, *values))

    def _act(self, act: Callable[..., None], *values: object) -> None:
        try:
            self._guarded(act, *values)
        finally:
            try:
                self._update(busy="", progress=None)
            finally:  # a second interrupt may come here, and the panel must stay usable
                self._acting.release()
                self._look_again()

    def _guarded(self, act: Callable[..., None], *values: object) -> None:
        """Act, and show any error in the panel: nobody would see it anywhere else."""
        try:
            act(*values)
        except (FsapiError, Interrupted) as error:
            self._show_error(error)
        except KeyboardInterrupt:
            self._update(error=["Interrupted."])
        except Exception as error:  # noqa: BLE001 - a callback's exception would only reach the server's log
            said = hide_in_message(visible(f"{type(error).__name__}: {error}"))
            fault = "This is a fault of the panel; `%migrate status` shows the state of the database."
            self._update(error=[f"{said}\n{fault}"])

    def _show_error(self, error: FsapiError | Interrupted) -> None:
        first, *rest = error.lines(Face.NOTEBOOK)
        blockers = getattr(error, "blockers", None)
        more = ["", *blockers.lines(times=True)] if blockers else []
        lines = [f"{type(error).__name__}: {first}", *rest, *more]
        self._update(error=self._links().pieces("\n".join(lines)))

    def _propose(self, what: str) -> None:
        self._update(busy="making the plan")
        plan, links = self._plan(what), self._links()
        token = f"{self._twin}-{next(self._tokens)}"
        self._proposal = (token, what, plan)
        # The proposal is stored first: its answer may come as soon as the page shows it.
        with self._updating:
            previews = {**self._widget.previews, what: preview_state(plan, links)}
            proposal = proposal_state(plan, links, token=token, verb=_TITLES[what])
            self._update(busy="", previews=previews, proposal=proposal)

    def _plan(self, what: str) -> PlanResult:
        if what == "back":
            return self._migrator.plan("rollback")
        return self._migrator.plan("migrate", count=1 if what == "next" else None)

    def _run(self, token: str, sure: bool) -> None:
        """Run the plan that was shown under this token, once. If it needs a second confirmation, `sure` must be set."""
        proposal, self._proposal = self._proposal, None
        self._update(proposal=None)
        if proposal is None or proposal[0] != token:
            return  # a click on a plan that is no longer shown
        _, what, plan = proposal
        # The page asks twice in these cases. It is not trusted to have done so.
        if (plan.takes_data or self.status.identity.protected) and not sure:
            return
        self._update(busy="running")
        try:
            result = self._carry_out(what, plan.plan)
            self._update(said=self._links().pieces("\n".join(typed_lines(result.lines(times=True), Face.NOTEBOOK))))
        finally:
            self._guarded(self._refresh)

    def _carry_out(self, what: str, plan: Plan) -> RunResult:
        if what == "back":
            return self._migrator.rollback(planned=plan, yes=True)
        return self._migrator.migrate(count=1 if what == "next" else None, planned=plan, yes=True)

    # -- what others do --------------------------------------------------------------------------------------------

    def _follow(self, view: str) -> None:
        """Start the thread that waits for changes by other sessions, when the first view is shown."""
        self._views.add(view)
        if len(self._views) == 1:
            self._stopped = threading.Event()
            arguments = (self._changed, self._stopped)
            threading.Thread(target=self._migrator.follow, args=arguments, name="fsapi_nb panel", daemon=True).start()

    def _leave(self, view: str) -> None:
        self._views.discard(view)
        if not self._views:
            self._stopped.set()

    def _changed(self, error: FsapiError | None) -> None:
        if error is not None:
            self._update(offline=visible(error.message))
            return
        try:
            self._refresh()
        except FsapiError as failure:
            self._update(offline=visible(failure.message))
        else:
            self._guarded(self._foresee)
        self._look_again()

    def _look_again(self) -> None:
        """Read again soon if another runner is shown: its end sends no notification if it has changed nothing."""
        if self.status.runner and not self._acting.locked() and not self._stopped.is_set():
            self._again.cancel()
            self._again = threading.Timer(_AGAIN, self._changed, [None])
            self._again.daemon = True
            self._again.start()


def _standing(status: StatusResult) -> object:
    """Return what must be the same for a plan that was made before to be worth a look."""
    return status.runner, [(each.name, each.state, each.note) for each in status.statuses]
