"""Numerics as Arrow's decimals: which type holds all of a column, and its values in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from fsapi_nb.views.arrow.types import DIGITS

if TYPE_CHECKING:
    from fsapi_nb.query.values.numeric import Numerics
    from fsapi_nb.query.values.stored import Array

_EXACT = Context(prec=100_000, Emax=999_999, Emin=-999_999)


def decimal_type(values: Iterable[Decimal], declared: tuple[int, int] | None) -> Any:
    """Return the type of such values; None if they need more digits than a decimal has.

    Raises ValueError for NaN and infinity.
    """
    digits = scale = 0
    for value in values:
        if not value.is_finite():
            raise ValueError(f"{value}, which is not a number of digits")
        _, figures, exponent = value.as_tuple()
        assert isinstance(exponent, int)
        scale = max(scale, -exponent)
        digits = max(digits, len(figures) + exponent if any(figures) else 0)
    return _type(digits, scale, declared)


def decimal_array(values: Sequence[Decimal | None], declared: tuple[int, int] | None) -> Any:
    """Return an array of decimals, or of strings if they need more digits."""
    import pyarrow as pa

    kind = decimal_type((value for value in values if value is not None), declared)
    if kind is None:
        return pa.array([None if value is None else format(value, "f") for value in values], pa.string())
    step = Decimal(1).scaleb(-kind.scale)
    return pa.array([None if value is None else value.quantize(step, context=_EXACT) for value in values], kind)


def decimals_of_units(chunks: Sequence[Numerics], declared: tuple[int, int] | None) -> tuple[Any, Array] | None:
    """Return the type, and the values in units of its last place as pairs of 64-bit integers, the low one first.

    None if a value has so many digits, or the column so many places, that objects must be made.
    """
    import numpy as np

    if any(chunk.pieces for chunk in chunks):
        return None
    units = np.concatenate([chunk.units for chunk in chunks]) if chunks else np.empty(0, "i8")
    scales = np.concatenate([chunk.scale for chunk in chunks]).astype("i8") if chunks else np.empty(0, "i8")
    scale = max(int(scales.max(initial=0)), declared[1] if declared else 0)
    if scale > _PLACES:
        return None
    factors = np.array([10**power for power in range(_PLACES + 1)])[scale - scales]
    if (np.abs(units) > _MOST // factors).any():
        return None
    # In 64 bits there are no more than 19 digits, so that 38 are enough.
    kind = _type(0, scale, declared)
    pairs = np.empty((len(units), 2), "<i8")
    pairs[:, 0] = units * factors
    pairs[:, 1] = pairs[:, 0] >> 63
    return kind, pairs


_PLACES = 18  # powers of ten that 64 bits hold
_MOST = (1 << 63) - 1


def _type(digits: int, scale: int, declared: tuple[int, int] | None) -> Any:
    import pyarrow as pa

    if declared is not None and declared[0] <= DIGITS and scale <= declared[1]:
        return pa.decimal128(*declared)
    return pa.decimal128(DIGITS, scale) if digits + scale <= DIGITS else None
