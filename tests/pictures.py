"""The pictures in the HTML of results: images whose addresses are their data."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree import ElementTree

_IMAGE = re.compile(
    r'<img alt="[^"<>]*" width="\d+" height="\d+" style="[\w:%;-]*" src="data:image/svg\+xml,([^"<> ]*)">'
)


def drawn_in(html: str) -> str:
    """The SVG of the one picture, as text."""
    (data,) = _IMAGE.findall(html)
    return unquote(data)


def picture_in(html: str) -> ElementTree.Element:
    """The one picture, parsed as the XML that it is."""
    return ElementTree.fromstring(drawn_in(html))


def without_picture(html: str) -> str:
    """What stands around the picture."""
    return _IMAGE.sub("", html)
