"""Publish a file that says what the database has already, and record it as applied: both happen, or neither."""

from __future__ import annotations

from functools import partial

from fsapi_nb.errors import FsapiError, Interrupted
from fsapi_nb.folder import read as folders
from fsapi_nb.model.folder import Folder
from fsapi_nb.plan.baseline import plan_baseline
from fsapi_nb.verbs.draft import Draft, file_changed
from fsapi_nb.verbs.open import open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run_plan


def publish_applied(options: VerbOptions, file: Draft, folder: Folder, text: str) -> None:
    """Publish the file and record just that one as applied; a file that is certainly not recorded is removed again.

    The database may be protected: the caller has asked for its user's yes.

    Args:
        options: The options of the verb.
        file: The text beside the file that it becomes.
        folder: The migrations folder without it.
        text: What it says.

    Raises:
        PlanChanged: Another program has made a file of that name.
        FsapiError: What `run_plan` raises.
    """
    draft = folders.parse_text(file.name, text)
    if not file.publish():
        raise file_changed(file.name, state="unchanged; no file was written.")
    request = PlanRequest("baseline", only=(file.name,))
    planner = partial(plan_baseline, only=request.only)
    try:
        run_plan(options, request, planner, yes=True, folder=folder.with_draft(draft))
    except (FsapiError, Interrupted):
        if not _may_be_recorded(options, folder, file.name):
            file.withdraw()
        raise


def _may_be_recorded(options: VerbOptions, folder: Folder, name: str) -> bool:
    """Return whether the history has the row; yes, if it cannot be asked."""
    try:
        with open_store(options, folder, writing=False) as store:
            return store.history().get(name) is not None
    except FsapiError:
        return True
