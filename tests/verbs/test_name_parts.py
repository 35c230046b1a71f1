"""Any part of a name that only one migration has, in every verb that takes one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fsapi_nb.errors import UnknownMigration, UsageError
from tests.conftest import Project


@pytest.fixture
def tables(project: Project) -> Project:
    """Three migrations, each of which makes a table."""
    for name in ("create_users", "create_posts", "index_of_tags"):
        project.write(name, f"CREATE TABLE {name} (i int);", f"DROP TABLE {name};")
    return project


USERS, POSTS, TAGS = (
    "2026_01_01_00_00_create_users.sql",
    "2026_01_01_00_01_create_posts.sql",
    "2026_01_01_00_02_index_of_tags.sql",
)


def test_verbs_that_run_take_a_part(tables: Project) -> None:
    """As `--to` of migrate and rollback, and as the NAME of redo and show."""
    migrator = tables.migrator()
    assert [name for name, _ in migrator.plan(to="post").plan.migrations] == [USERS, POSTS]
    migrator.migrate(to="post")
    assert tables.applied() == [USERS, POSTS]
    migrator.redo("posts")
    assert migrator.show("index").status.name == TAGS
    migrator.rollback(to="user")
    assert tables.applied() == [USERS]


def test_verbs_of_the_history_take_a_part(tables: Project) -> None:
    """As names of baseline, `--only`, `--replaces`, retire, repair, rename and resolve."""
    migrator = tables.migrator()
    migrator.baseline("users")
    migrator.baseline(only=["tags"])
    assert tables.applied() == [USERS, TAGS]
    tables.write_text(TAGS, "-- UP\nCREATE TABLE other (i int);\n")
    assert migrator.repair("of_tag").names == (TAGS,)
    with pytest.raises(UsageError, match=f"no step of {TAGS} is in doubt"):
        migrator.resolve("tag", done=True)
    new = "2026_01_01_00_03_labels.sql"
    (tables.folder / TAGS).rename(tables.folder / new)
    with pytest.raises(UnknownMigration, match="there is no file 'label'"):
        migrator.rename("tags", "label")
    migrator.rename("tags", "labels")
    assert tables.applied() == [USERS, new]
    for name in (USERS, new):
        (tables.folder / name).unlink()
    tables.write("squash", "CREATE TABLE create_users (i int);", name="2026_01_01_00_09_squash.sql")
    migrator.baseline("squash", replaces=["user..label"])
    assert tables.applied() == ["2026_01_01_00_09_squash.sql"]
    (tables.folder / "2026_01_01_00_09_squash.sql").unlink()
    migrator.retire(["squa"])
    assert tables.applied() == []
    migrator.retire(["user"], undo=True)
    assert tables.applied() == [USERS]


def test_a_part_of_several_changes_nothing(tables: Project) -> None:
    """Also where only one of them could be rolled back to, and in the place of which others are recorded."""
    migrator = tables.migrator()
    migrator.migrate(to="users")
    calls: tuple[Callable[[], object], ...] = (
        lambda: migrator.rollback(to="create"),
        lambda: migrator.redo("create"),
        lambda: migrator.retire(["create"]),
        lambda: migrator.baseline("tags", replaces=["create"]),
    )
    for call in calls:
        with pytest.raises(UnknownMigration, match="'create' is a part of the names of 2 migrations"):
            call()
    assert tables.applied() == [USERS]


def test_a_new_file_is_named_whole(tables: Project) -> None:
    """`make` and a cell begin a file of that name beside one that contains it."""
    migrator = tables.migrator()
    assert migrator.make("users").name.endswith("_users.sql")
    assert migrator.write("posts", "CREATE TABLE p (i int);").action == "created"
    assert len(list(tables.folder.iterdir())) == 5
