"""Say why a session has no schema that could hold the history, and what gives it one. Reads only.

A verb that only reads goes on without a history, and says so in notes; a verb that writes is refused before it has done
anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.chosen_schema import create_command, rights_command
from fsapi_nb.history.tables import another_name
from fsapi_nb.model.folder import Folder
from fsapi_nb.postgres.ask import ask, ask_about_session, role_of
from fsapi_nb.postgres.session import Session, is_system
from fsapi_nb.text.toml import written_setting

_PATH = sql.SQL("SELECT pg_catalog.current_setting('search_path')")
_THERE = sql.SQL(
    "SELECT nspname::pg_catalog.text FROM pg_catalog.pg_namespace WHERE nspname = ANY ({}::pg_catalog.text[])"
)
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')
_DEFAULT = "public"


@dataclass(frozen=True, slots=True)
class NoSchema:
    """The reason why there is no schema for the history, and what to do.

    `name` is the schema in which the history would be made; `is_missing` says that it must be created first. `no_files`
    says where there are no migration files either.
    """

    why: str
    remedy: str
    name: str = _DEFAULT
    is_missing: bool = False
    no_files: str | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of a result that had no history to read."""
        return f"nothing is recorded here: {self.why}", f"before a migration can run, {self.remedy}"

    @property
    def refusal(self) -> HistoryError:
        """The error for a verb that needs a history."""
        return HistoryError(
            self.why,
            details=(
                "  The history of the migrations needs a schema.",
                *([f"  There are {self.no_files}."] if self.no_files else []),
            ),
            state=UNCHANGED,
            hint=self.remedy,
        )

    def beside(self, folder: Folder) -> NoSchema:
        """Return the same for these files.

        If one of them makes the schema itself, the history needs another schema.
        """
        if folder.lack:
            return replace(self, no_files=folder.lack)
        maker = _maker(folder, self.name) if self.is_missing else None
        if maker is None:
            return self
        other = another_name(self.name)
        remedy = (
            f"give the history a schema of its own, as {maker} makes the schema {self.name} itself: "
            f"{create_command(other)}; and [tool.fsapi_nb] {written_setting('schema', other)} in pyproject.toml."
        )
        return replace(self, remedy=remedy)


def find_no_schema(session: Session) -> NoSchema:
    """Return why no schema of the session's search_path can be used. Asks the database."""
    ((setting,),) = ask_about_session(session.connection(), {"path": _PATH})["path"]
    role = role_of(session)
    wanted = [role if name == "$user" else name for name in names_of(setting)]
    there = {name for (name,) in ask(session.connection(), _THERE.format([*wanted, _DEFAULT]))}
    return explain(setting, wanted, there, role)


def explain(setting: str, wanted: Sequence[str], there: set[str], role: str) -> NoSchema:
    """Return why the role can use none of the wanted schemas of this search_path.

    `there` are those that exist.
    """
    users = [name for name in wanted if not is_system(name)]
    if not users:
        create = "" if _DEFAULT in there else f"{create_command(_DEFAULT)}; and then "
        why = f"names none of a user's schemas ({setting})" if wanted else "is empty"
        return NoSchema(
            f"this session's search_path {why}",
            f"name the schema to work in: {create}--schema {_DEFAULT}; for the history alone: "
            f'[tool.fsapi_nb] schema = "{_DEFAULT}" in pyproject.toml.',
        )
    closed = next((name for name in users if name in there), None)
    if closed is not None:
        return NoSchema(
            f"the role {role!r} may use no schema of this session's search_path ({setting})",
            f"let the owner run: {rights_command(closed, role)}; or work in another schema: --schema NAME.",
            closed,
        )
    missing = next((name for name in users if name != role), role)
    return NoSchema(
        f"no schema of this session's search_path exists ({setting})",
        f"create one: {create_command(missing)}; or work in another schema: --schema NAME.",
        missing,
        is_missing=True,
    )


def names_of(setting: str) -> list[str]:
    """Return the names in a search_path, as PostgreSQL reads them."""
    found = _NAME.findall(setting)
    return [name for name in (quoted.replace('""', '"') or bare.lower() for quoted, bare in found) if name]


def _maker(folder: Folder, schema: str) -> str | None:
    """Return the first file that is sure to create the schema, whether it exists or not."""
    from fsapi_nb.script.objects import creates

    for name in folder.names:
        migration = folder.get(name)
        if migration and any(f"schema {schema}" in creates(each) for each in migration.up.parsed.statements):
            return name
    return None
