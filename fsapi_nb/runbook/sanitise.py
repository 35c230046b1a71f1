"""HTML of others as HTML that shows and runs nothing else: what is not known to be harmless is left out.

It is written anew from what was read, all text escaped and every element closed, so that no output can leave its
place in a report.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from fsapi_nb.text.safe import esc


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXT = _words("div p span strong b em i code pre br hr ul ol li dl dt dd h3 h4 h5 h6 small sub sup")
_TABLE = _words("table caption thead tbody tfoot tr th td")
_DRAWING = _words(
    "svg g path rect circle ellipse line polyline polygon text tspan title desc defs marker lineargradient stop"
)
_VOID = frozenset({"br", "hr"})
#: Of these the content is left out, too.
_UNSEEN = _words("script style head iframe object embed template noscript textarea select math")
_ATTRIBUTES = _words(
    "colspan rowspan scope viewbox width height x y x1 x2 y1 y2 r cx cy rx ry d points transform fill stroke "
    "stroke-width stroke-dasharray stroke-linecap stroke-linejoin stroke-opacity fill-opacity opacity text-anchor "
    "dominant-baseline dx dy font-size font-family font-weight font-style refx refy markerwidth markerheight orient "
    "marker-end marker-start marker-mid markerunits preserveaspectratio offset stop-color role aria-label id"
)
_STYLES = _words(
    "color background background-color font-weight font-style font-family font-size text-align vertical-align "
    "white-space padding padding-left padding-right margin margin-left border border-left border-bottom "
    "border-collapse fill stroke stroke-width max-width width overflow-x text-decoration"
)
_VALUE = re.compile(r"[\w\s#%.,()+/'\"-]*")
_ELSEWHERE = re.compile(r"url\s*\((?!#[\w-]+\))|expression|image|://", re.IGNORECASE)
_LOCAL = re.compile(r"url\(#([\w-]+)\)")
_OURS = "out-"  # before the names of elements, so that none is one of the report


def harmless(html: str) -> str:
    """The harmless part of a piece of HTML of ours: text, tables, drawings, and how they look."""
    return _rewritten(html, _TEXT | _TABLE | _DRAWING, styled=True)


def harmless_table(html: str) -> str:
    """The table of a DataFrame, as pandas shows it, without what anybody could have put beside it."""
    return _rewritten(html, _TABLE | {"div", "p"}, styled=False)


def _rewritten(html: str, elements: frozenset[str], *, styled: bool) -> str:
    writer = _Writer(elements, styled=styled)
    writer.feed(html)
    writer.close()
    return writer.written()


class _Writer(HTMLParser):
    def __init__(self, elements: frozenset[str], *, styled: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._elements = elements
        self._styled = styled
        self._pieces: list[str] = []
        self._open: list[str] = []
        self._unseen = 0

    def written(self) -> str:
        """All of it, every element closed."""
        return "".join([*self._pieces, *(f"</{name}>" for name in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what is known; the rest leaves its text, or nothing."""
        if tag in _UNSEEN:
            self._unseen += 1
        elif not self._unseen and tag in self._elements:
            self._pieces.append(f"<{tag}{''.join(self._attribute(*each) for each in attrs)}>")
            if tag not in _VOID:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """`<path ... />` is both."""
        if tag not in _UNSEEN:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened, and nothing else."""
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif not self._unseen and tag in self._open:
            while (name := self._open.pop()) != tag:
                self._pieces.append(f"</{name}>")
            self._pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Text, which is no more than that."""
        if not self._unseen:
            self._pieces.append(esc(data))

    def _attribute(self, name: str, value: str | None) -> str:
        value = value or ""
        if name == "style" and self._styled:
            kept = [each.strip() for each in value.split(";") if _is_harmless(each)]
            return f' style="{esc(";".join(kept))}"' if kept else ""
        if name not in _ATTRIBUTES or _ELSEWHERE.search(value):
            return ""
        value = f"{_OURS}{value}" if name == "id" else _LOCAL.sub(rf"url(#{_OURS}\1)", value)
        return f' {name}="{esc(value)}"'


def _is_harmless(style: str) -> bool:
    name, _, value = style.partition(":")
    return name.strip().lower() in _STYLES and bool(_VALUE.fullmatch(value)) and not _ELSEWHERE.search(value)
