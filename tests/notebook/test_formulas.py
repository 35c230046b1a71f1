"""What stands between two dollars in a database is shown as it is: MathJax would draw it, links that run a script included."""

from __future__ import annotations

from typing import Any

from tests.notebook.conftest import Cells

_MARK = "mathjax_ignore"


def _html(cells: Cells, frame: Any) -> str:
    bundle, _ = cells.shell.display_formatter.format(frame)
    return str(bundle["text/html"])


def test_a_frame_of_a_query_has_no_formulas(cells: Cells) -> None:
    """Nor has what is made of it. Without a dollar or a backslash there is none. A frame of one's own is shown as pandas says, and so is the option."""
    import pandas

    frame = cells.run("%query SELECT '$5 to $6' AS price")
    assert _MARK in _html(cells, frame)
    assert _MARK in _html(cells, frame.head(1)[["price"]])
    assert _MARK in _html(cells, cells.run(r"%query SELECT '\(x\)'"))
    assert _MARK not in _html(cells, cells.run("%query SELECT 'x^2'"))
    assert "$5 to $6" in _html(cells, frame)
    assert _MARK not in _html(cells, pandas.DataFrame({"price": ["$x^2$"]}))
    assert pandas.get_option("display.html.use_mathjax") is True


def test_what_somebody_has_registered_for_frames_stays(cells: Cells) -> None:
    """Before or after the extension was loaded."""
    import pandas

    formatter = cells.shell.display_formatter.formatters["text/html"]
    frame = cells.run("%query SELECT '$a$' AS a")
    _html(cells, frame)
    formatter.for_type(pandas.DataFrame, lambda _: "theirs")
    assert _html(cells, frame) == "theirs"
    for magic in ("%unload_ext", "%load_ext"):
        cells.run(f"{magic} fsapi_nb")
        assert _html(cells, frame) == "theirs"
    formatter.pop(pandas.DataFrame)
    cells.run("%reload_ext fsapi_nb")
    assert _MARK in _html(cells, frame)
    cells.run("%unload_ext fsapi_nb")
    assert _MARK not in _html(cells, frame)
    cells.run("%load_ext fsapi_nb")
