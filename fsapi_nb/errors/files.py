"""Define the errors of migration files: faults that are found before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.errors.base import UNCHANGED, FsapiError
from fsapi_nb.model.place import Problem
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.words import counted

_PROBLEMS = Fold(10, 4)


class MigrationFileError(FsapiError):
    """One file or cell cannot be used as a migration; `problem` says where and why.

    What to do: correct the file at the place that is shown.
    """

    problem: Problem

    def __init__(self, problem: Problem, *, state: str | None = None) -> None:
        first, *rest = problem.lines()
        super().__init__(first, details=tuple(rest), state=state, problem=problem)


class FaultyMigrations(FsapiError):
    """The scripts that were to run have faults; all are listed in `problems`, and nothing was run.

    What to do: correct the files at the places that are shown; nothing has run.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: tuple[Problem, ...], *, state: str | None = None) -> None:
        super().__init__(
            f"{counted(len(problems), 'fault')} found before anything ran.",
            details=tuple(line for problem in problems for line in problem.lines()),
            state=state or UNCHANGED,
            problems=problems,
        )

    def _brief(self) -> list[str]:
        return self._with(
            _PROBLEMS.apply(self.problems, Problem.lines, lambda gap: f"… {len(gap)} faults more in {_files(gap)}")
        )


def _files(problems: Sequence[Problem]) -> str:
    return counted(len({problem.place.file for problem in problems}), "file")
