"""Make HTML from outputs safe to show in a report: whatever is not known to be harmless is left out.

nh3 (ammonia) parses the HTML as a browser does and writes it again from the tree, every element closed, so that no
output can leave its place in the report. This module lists what may stay. nh3 checks the names of style properties, but
not their values. So two rules are added: no value may refer to another address, and a reference within the page
(`url(#name)`) gets the same prefix as the names of elements.
"""

from __future__ import annotations

import re
from functools import cache

from fsapi_nb.errors import ConfigurationError

try:
    import nh3
except ImportError:  # raised before anything runs, not when the report is written
    hint = "install what it needs: pip install 'fsapi_nb[runbook]'."
    raise ConfigurationError("nh3 is not installed, and runbooks need it", hint=hint) from None


def _words(text: str) -> set[str]:
    return set(text.split())


_TEXT = _words("div p span strong b em i code pre br hr ul ol li dl dt dd h3 h4 h5 h6 small sub sup")
_TABLE = _words("table caption thead tbody tfoot tr th td")
_DRAWING = _words(
    "svg g path rect circle ellipse line polyline polygon text tspan title desc defs marker linearGradient stop"
)
#: Of these elements the content is left out, too.
_UNSEEN = _words("script style head iframe object embed template noscript textarea select math")
_ATTRIBUTES = _words(
    "colspan rowspan scope viewBox width height x y x1 x2 y1 y2 r cx cy rx ry d points transform fill stroke "
    "stroke-width stroke-dasharray stroke-linecap stroke-linejoin stroke-opacity fill-opacity opacity text-anchor "
    "dominant-baseline dx dy font-size font-family font-weight font-style refX refY markerWidth markerHeight orient "
    "marker-end marker-start marker-mid markerUnits preserveAspectRatio offset stop-color role aria-label id"
)
_STYLES = _words(
    "color background background-color font-weight font-style font-family font-size text-align vertical-align "
    "white-space padding padding-left padding-right margin margin-left border border-left border-bottom "
    "border-collapse fill stroke stroke-width max-width min-width width height overflow overflow-x text-decoration"
)
_VALUE = re.compile(r"[\w\s#%.,()+/'\"-]*")
_ELSEWHERE = re.compile(r"url\s*\((?!#[\w-]+\))|expression|image|://", re.IGNORECASE)
# The image that a result draws. What is in it is not looked at: an image runs nothing and loads nothing.
_IMAGE = re.compile(r"data:image/svg\+xml,[\w!$'()*+,;=:@/?.~%-]*", re.ASCII)
_ELEMENT = re.compile(r'<img((?: [a-z-]+="[^"]*")*)>')  # as nh3 writes it
_ATTRIBUTE = re.compile(r' ([a-z-]+)="[^"]*"')
_LOCAL = re.compile(r"url\(#([\w-]+)\)")
_PREFIX = "out-"  # before the names of elements, so that none equals one of the report's own


def harmless(html: str) -> str:
    """Return the harmless part of an output of fsapi_nb: text, tables, drawings, and their style."""
    return _ELEMENT.sub(_with_image, _cleaner(styled=True).clean(html))


def harmless_table(html: str) -> str:
    """Return the table of a DataFrame, as pandas writes it, and nothing else."""
    return _cleaner(styled=False).clean(html)


@cache
def _cleaner(*, styled: bool) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TEXT | _TABLE | _DRAWING | {"img"} if styled else _TABLE | {"div", "p"},
        clean_content_tags=_UNSEEN,
        attributes={"*": _ATTRIBUTES | {"style"}, "img": {"src", "alt"}} if styled else {"*": _ATTRIBUTES},
        url_schemes={"data"},
        attribute_filter=_kept_value,
        filter_style_properties=_STYLES,
        id_prefix=_PREFIX,
        link_rel=None,
    )


def _with_image(element: re.Match[str]) -> str:
    """Return the element of an image, nothing if its address was not kept."""
    return element[0] if "src" in _ATTRIBUTE.findall(element[1]) else ""


def _kept_value(_element: str, name: str, value: str) -> str | None:
    """Return the harmless part of an attribute's value; None drops the attribute."""
    if name == "alt":
        return value
    if name == "src":
        return value if _IMAGE.fullmatch(value) else None
    if name == "style":
        return ";".join(each.strip() for each in value.split(";") if _is_harmless(each)) or None
    if _ELSEWHERE.search(value):
        return None
    return _LOCAL.sub(rf"url(#{_PREFIX}\1)", value)


def _is_harmless(style: str) -> bool:
    value = style.partition(":")[2]
    return bool(_VALUE.fullmatch(value)) and not _ELSEWHERE.search(value)
