"""What is said of statements, as text for golden files: `python -m tests.actions.written` writes those anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fsapi_nb.actions.statement import actions_of
from fsapi_nb.folder.read import read_folder
from fsapi_nb.model.action import Action, TableLock, Work
from fsapi_nb.model.migration import Direction
from tests.actions.scripts import actions_of_script

GOLDEN = Path(__file__).parent / "golden"
MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"


def lines_of(action: Action) -> Iterator[str]:
    """Yield an action in lines: its words and object, then each fact."""
    yield f"{action.words}  [{action.object.kind} {action.object.name}]"
    yield from (f"    {_lock(lock)}" for lock in action.locks)
    for kind in ("rewrites", "scans", "builds_index", "changes_rows"):
        yield from (f"    {kind} {_work(work)}" for work in getattr(action, kind))
    for loss in action.destroys:
        copied = f", {'partly ' * loss.partly}copied to {', '.join(loss.copied_to)}" if loss.copied_to else ""
        yield f"    destroys {loss.words}{copied}"
    if action.unknown:
        yield f"    unknown: {action.unknown}"


def _lock(lock: TableLock) -> str:
    condition = f" {lock.condition}" if lock.condition else ""
    return f"{lock.mode.name} on {lock.tables}, blocks {lock.mode.blocks}{condition}"


def _work(work: Work) -> str:
    return f"{work.tables}{' ' + work.condition if work.condition else ''}"


def example() -> str:
    """Return what the example project's migrations do, UP and DOWN."""
    lines: list[str] = []
    folder = read_folder(MIGRATIONS)
    for name in folder.names:
        migration = folder.get(name)
        assert migration is not None
        for direction in Direction:
            script = migration.script(direction)
            if script is not None:
                lines += ["", f"-- {migration.name} {direction.name}"]
                for actions in actions_of_script(script.parsed.statements):
                    lines += (line for action in actions for line in lines_of(action))
    return "\n".join(lines).lstrip() + "\n"


def statements() -> str:
    """Return what each of some statements does on the newest version."""
    text = (GOLDEN / "statements.sql").read_text(encoding="utf-8")
    return blocks([line for line in text.splitlines() if line])


def blocks(written: Sequence[str]) -> str:
    """Return each statement with what it does below it."""
    return (
        "\n\n".join(
            "\n".join([statement, *(line for action in actions_of(statement) for line in lines_of(action))])
            for statement in written
        )
        + "\n"
    )


if __name__ == "__main__":
    (GOLDEN / "example.txt").write_text(example(), encoding="utf-8")
    (GOLDEN / "statements.txt").write_text(statements(), encoding="utf-8")
