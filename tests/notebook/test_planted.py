"""What a role without rights plants is executed by no magic, by no button of the panel, and by no Tab."""

from __future__ import annotations

import pytest

from tests.catalog.test_planted import PATHS, database, found, garden, planted
from tests.conftest import Project
from tests.notebook.conftest import Cells
from tests.notebook.panels import press_everything, told

__all__ = ["database", "planted"]  # the fixtures

_TYPES = (
    "SELECT 'sad'::public.mood AS m, array['sad'::public.mood] AS ms, public.pair(1, 2) AS r, 1.5::pg_catalog.numeric AS n, "
    "NULL::pg_catalog.jsonb AS j, '1 day'::pg_catalog.interval AS i, ROW(1, 'a') AS w, $1::pg_catalog.int8 AS p, "
    "$2::pg_catalog.text AS t, $3::pg_catalog.timestamptz AS z, $4::pg_catalog.int4[] AS l"
)
_COPY = "COPY public.seed FROM stdin;\n1\tx\n\\.\n"
#: In this order; each is a cell.
CELLS = (
    "%migrate plan",
    "%migrate",
    "%migrate status",
    "%migrate pending",
    "%migrate history",
    "%migrate show seed",
    "%migrate blockers",
    "%migrate diagram",
    "%migrate plan rollback",
    "%migrate plan redo",
    "%migrate plan fresh",
    "%query SELECT i, t FROM public.seed",
    f"%%query --param p --param t --param z --param l\n{_TYPES}",
    "%query INSERT INTO public.seed VALUES (2, 'y') RETURNING i",
    "%query DO $$ BEGIN RAISE NOTICE 'x'; END $$",
    "%%check it holds\nSELECT i FROM public.seed WHERE false",
    "%%migration cell\n-- UP\nCREATE TABLE public.cell (i pg_catalog.int4);\n-- DOWN\nDROP TABLE public.cell;",
    "%%migration cell --apply\n-- UP\nCREATE TABLE public.cell (i pg_catalog.int4);\n-- DOWN\nDROP TABLE public.cell;",
    "%%migration cell --redo\n-- UP\nCREATE TABLE public.cell (j pg_catalog.int4);\n-- DOWN\nDROP TABLE public.cell;",
    "%migrate trust",
    "%migrate redo",
    "%rollback",
    "%migrate status --check",
)
FAILING = (
    "%query SELECT nothing",
    "%query SELECT i FROM public.seed; SELECT 1 OPERATOR(pg_catalog./) 0",
    "%%query --param t\nSELECT $1::pg_catalog.int4",
    "%%check it does not hold\nSELECT i FROM public.seed",
    "%migrate show nothing",
)
TYPED = (
    "%migrate ",
    "%migrate show ",
    "%migrate status --database ",
    "%query --param ",
    "%query SELECT i FROM pu",
    "%rollback --to ",
)


def test_no_cell_executes_what_was_planted(project: Project, cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    """By magics of each kind, as a superuser."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(project.root))
    garden(project, PATHS["PostgreSQL's last"])
    project.rows(
        "CREATE TYPE public.mood AS ENUM ('sad'); CREATE TYPE public.pair AS RANGE (subtype = pg_catalog.float8)"
    )
    project.write(
        "seed", f"CREATE TABLE public.seed (i pg_catalog.int4, t pg_catalog.text);\n{_COPY}", "DROP TABLE public.seed;"
    )
    cells.run("import datetime\np, t, z, l = 1, 'x', datetime.datetime.now(datetime.timezone.utc), [1]")
    for cell in (*CELLS[:-1], *FAILING, CELLS[-1]):
        done = cells.shell.run_cell(cell)
        assert done.success == (cell not in (*FAILING, CELLS[-1])), cell
        for form in ("_repr_html_", "_repr_mimebundle_", "to_frame"):
            str(getattr(done.result, form, str)())
        assert found(project) == [], cell
    for line in TYPED:
        cells.offered(line)
    cells.run("%config MigrateMagics.widgets = 'on'")
    with told(monkeypatch):
        press_everything(cells.run("%migrate panel"))
    cells.run("%config MigrateMagics.widgets = 'auto'")
    assert found(project) == []
