"""Numbers in words. Pure."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return so many things in words: `1 migration`, `2 migrations`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
