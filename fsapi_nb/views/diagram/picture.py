"""How every drawing begins, and its colours, which can be read on a light and on a dark page.

A notebook shows a drawing as an image: it takes no colour from the page, so it has a background of its own, which is
dark where the reader's system is. An image runs no script and loads nothing. Attributes are in single quotes, which
need no escape in the address of an image.
"""

from __future__ import annotations

from collections.abc import Iterable

from fsapi_nb.text.fold import clip
from fsapi_nb.text.safe import esc
from fsapi_nb.views.document import Picture

_FONT = "ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace"
_EDGE = 12  # around everything
#: Text, quiet text, the page, a box, its head, a line; what is added, changed, removed. `k` is bold, `s` is a sign.
_LIGHT = (
    "text{fill:#1f2328}.q{fill:#59636e}.p{fill:#fff;stroke:#d0d7de}.b{fill:#f6f8fa;stroke:#8c959f}.h{fill:#d4e4fa}"
    ".l{fill:none;stroke:#7d8590;stroke-width:1.4;stroke-linecap:square}.k{font-weight:700}.s{font-weight:700;font-size:10px}"
    ".add{fill:#1a7f37}.chg{fill:#9a6700}.del{fill:#cf222e}"
)
_DARK = (
    "text{fill:#e6edf3}.q{fill:#9198a1}.p{fill:#161b22;stroke:#3d444d}.b{fill:#212830;stroke:#656c76}.h{fill:#243c5c}"
    ".add{fill:#3fb950}.chg{fill:#d29922}.del{fill:#f85149}"
)
#: What PostgreSQL lets a name have, and no XML may: a whole picture would not be shown.
_NO_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
STYLE = f"<style>{_LIGHT}@media(prefers-color-scheme:dark){{{_DARK}}}</style>"


def picture(parts: Iterable[str], width: int, height: int, *, title: str, description: str) -> Picture:
    """Return a drawing of these elements, which take `width` and `height` from the origin on.

    Args:
        title: What it shows, and the first words for readers who do not see it.
        description: The words that say the same as the drawing, shortened.
    """
    wide, high = width + 2 * _EDGE, height + 2 * _EDGE
    box = f"viewBox='{-_EDGE} {-_EDGE} {wide} {high}'"
    opening = (
        f"<svg xmlns='http://www.w3.org/2000/svg' role='img' width='{wide}' height='{high}' {box} "
        f"font-family='{_FONT}' font-size='12'>{STYLE}"
        f"<title>{esc(title)}</title><desc>{esc(clip(description))}</desc>"
        f"<rect class='p' x='{0.5 - _EDGE}' y='{0.5 - _EDGE}' width='{wide - 1}' height='{high - 1}' rx='6'/>"
    )
    svg = "".join([opening, *parts, "</svg>"]).translate(_NO_XML)
    return Picture(svg, clip(f"{title}: {description}"), wide, high)
