"""A secret that is easy to find again: whole, cut, wrapped, and as URLs, JSON, Python, HTML and base64 write it."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

#: It has what is written otherwise in URLs, HTML and strings, and no part of it means anything.
CANARY = "kQ7v@Zr9&wX2/mB5"
_LEAST = 6  # characters in a row that are too many


def traces(text: str, secret: str = CANARY) -> list[str]:
    """What of the secret stands in a text, in any form."""
    plain = re.sub(r"\s+|\x1b\[[0-9;]*m", "", text)
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
    forms |= {json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    parts = {form[at : at + _LEAST] for form in forms for at in range(max(1, len(form) - _LEAST + 1))}
    for shift in range(3):
        encoded = base64.b64encode(b" " * shift + secret.encode()).decode()
        parts.add(encoded[4 * bool(shift) :].rstrip("=")[:-2])
    return sorted(part for part in parts if part in plain)
