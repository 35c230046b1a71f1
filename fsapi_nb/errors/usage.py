"""Define the errors of what was typed, set or looked at: nothing has run."""

from __future__ import annotations

from fsapi_nb.errors.base import FsapiError


class UsageError(FsapiError):
    """The command line or the arguments are invalid, such as two options that exclude each other.

    What to do: read the line after the arrow; `--help` lists what there is.
    """

    exit_code = 2


class ConfirmationRequired(UsageError):
    """A verb that changes a protected database, or destroys data, shows its plan and wants `--yes`.

    What to do: read the plan; say the same again with `--yes`.
    """


class UnknownMigration(UsageError):
    """No migration has that name, several have it, or the one that has it is not what the verb needs.

    `matches` are those that have it, if there are several.

    What to do: read what the message says of the name; `status` lists them all, and any part of a name is enough if
    only one has it.
    """

    matches: tuple[str, ...]

    def __init__(
        self,
        message: str,
        *,
        details: tuple[str, ...] = (),
        state: str | None = None,
        hint: str | None = None,
        matches: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, details=details, state=state, hint=hint, matches=matches)


class ConfigurationError(FsapiError):
    """Settings that contradict each other, or name something that is not there.

    What to do: look at the option, the environment, `.env` and `pyproject.toml`, in this order.
    """

    exit_code = 2


class Untrusted(ConfigurationError):
    """A project asks for something that its user has not allowed.

    That is a program, an address, or a file that is elsewhere or that others may write.

    `project` is its folder; `asked` has each thing that it asks for, as a digest and in words.

    What to do: look at the files that are named; if you trust them, say `trust`, or set `FSAPI_NB_TRUST=1` in CI.
    """

    project: str
    asked: tuple[tuple[str, str], ...]

    def __init__(
        self,
        message: str,
        *,
        details: tuple[str, ...] = (),
        state: str | None = None,
        hint: str | None = None,
        project: str = "",
        asked: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, details=details, state=state, hint=hint, project=project, asked=asked)


class NotUpToDate(FsapiError):
    """A `--check` found something pending, drifted or failing.

    What to do: do what the list says, such as `migrate`.
    """

    exit_code = 3


class NotRestored(FsapiError):
    """A derived DOWN does not restore the whole catalog, or does not run.

    What to do: read what is left, and complete the DOWN by hand.
    """

    exit_code = 3
