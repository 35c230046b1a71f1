"""Open the scratch server of a project for a verb, which makes databases there that nobody keeps.

The project must be trusted: the scripts that run there may run programs of this machine.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from fsapi_nb.project.address import Address
from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.permissions import find_reading_requests, find_requests
from fsapi_nb.project.root import find_binaries
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.verbs.options import VerbOptions


def open_scratch_server(options: VerbOptions) -> AbstractContextManager[Scratch]:
    """Start the scratch server if it does not run, and give what makes databases on it; stop it if nobody else uses it.

    Raises:
        Untrusted: The user has not allowed all that the project asks for.
        EmbeddedServerError: The server cannot be started.
    """
    project, access = options.project, options.access
    named = find_binaries(project)
    asked = find_requests(project, Address(None, EMBEDDED), start=options.start, binaries=access.postgres_bin == named)
    requests = (*access.requests, *asked, *find_reading_requests(project, options.directory, start=options.start))
    return open_scratch(
        project,
        None,
        postgres_bin=access.postgres_bin,
        requests=tuple({request.digest: request for request in requests}.values()),
        application=f"{access.application} (scratch)"[:63],
        folder="scratch",
    )
