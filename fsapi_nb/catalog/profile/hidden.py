"""Keep secrets out of a profile, and long values short. Pure."""

from __future__ import annotations

from dataclasses import replace

from fsapi_nb.catalog.profile.value import ColumnProfile
from fsapi_nb.text.secrets import STARS, hide_in_message, is_secret_name

#: Characters of a value that are kept.
LONGEST = 200


def shown(value: str) -> str:
    """Return a value without what only a secret looks like, and cut if it is long."""
    kept = hide_in_message(value)
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "…"


def hidden(profile: ColumnProfile) -> ColumnProfile:
    """Return the profile of a column, its values as stars if its name is that of a secret."""
    if not is_secret_name(profile.name):
        return profile
    return replace(
        profile,
        minimum=None if profile.minimum is None else STARS,
        maximum=None if profile.maximum is None else STARS,
        frequent=tuple((STARS, share) for _, share in profile.frequent),
    )
