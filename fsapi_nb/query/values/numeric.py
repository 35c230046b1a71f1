"""PostgreSQL's binary numeric to Decimal, digit for digit: 1.10 keeps its zero.

A numeric travels as digits to the base of 10,000. Those of up to four such digits, nearly all, are put together as
64-bit integers, a whole column at once; any other one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from itertools import repeat
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsapi_nb.query.values.chunk import Field
    from fsapi_nb.query.values.stored import Array

_NEGATIVE = 0x4000
_SPECIAL = {0xC000: Decimal("NaN"), 0xD000: Decimal("Infinity"), 0xF000: Decimal("-Infinity")}
_HEAD = 8  # bytes: how many digits, the weight of the first, the sign, how many decimal places there are
_AT_ONCE = 4  # digits in 64 bits
# Of 64 bits the first ones, by the number of digits that there are.
_KNOWN = [(1 << 64) - (1 << 64 - 16 * digits) for digits in range(_AT_ONCE + 1)]
_DIGITS = 18  # decimal digits that an int64 holds, whatever they are
_MOST = 10**_DIGITS - 1
# Products of an integer and a power of ten are exact in it; the calling program may have set another one.
_EXACT = Context(prec=40, traps=[])


@dataclass(frozen=True, slots=True, eq=False)
class Numerics:
    """Numerics as 64-bit integers in units of their last decimal place, of which there are `scale`.

    Where `pieces` has the bytes of a row, the integer is undefined: it has too many digits, or is not a number.
    """

    units: Array
    scale: Array
    pieces: Mapping[int, bytes]


def read_numerics(field: Field) -> Numerics:
    """Return the values of a column without NULL."""
    head = field.gather(">u8").view("i8")
    sign, scale = head >> 16 & 0xFFFF, head & 0xFFFF
    units, right = _scaled(head, field.gather(">u8", _HEAD), scale)
    if sign.any():
        right &= sign <= _NEGATIVE
        units[sign == _NEGATIVE] *= -1
    pieces = {} if right.all() else {row: field.piece(row) for row in (~right).nonzero()[0].tolist()}
    return Numerics(units, scale.astype("u2"), pieces)


def decimals_of(numerics: Numerics) -> list[Decimal]:
    """Return the values as Decimals."""
    decimals = _decimals(numerics.units, numerics.scale)
    for row, piece in numerics.pieces.items():
        decimals[row] = read_numeric(piece)
    return decimals


def _scaled(head: Array, first: Array, scale: Array) -> tuple[Array, Array]:
    """Return the absolute values in units of their last decimal place, and which are right: those of few digits."""
    import numpy as np

    digits, weight = head >> 48, head << 16 >> 48
    # What follows the last digit is another column's.
    first &= np.array(_KNOWN, "u8")[np.minimum(digits, _AT_ONCE)]
    high, low = first >> 32, first & 0xFFFFFFFF
    units = ((high >> 16) * 10_000 + (high & 0xFFFF)) * 10**8 + ((low >> 16) * 10_000 + (low & 0xFFFF))
    # The last of four digits counts 10,000 ** (weight - 3); the last decimal place counts 10 ** -scale.
    shift = scale + 4 * (weight - _AT_ONCE + 1)
    powers = np.array([10**exponent for exponent in range(_DIGITS + 1)])
    grow = powers[np.clip(shift, 0, _DIGITS)]
    room = (units.view("i8") <= _MOST // grow) & (digits <= _AT_ONCE)
    return units.view("i8") * grow // powers[np.clip(-shift, 0, _DIGITS)], room & (shift <= _DIGITS) | (digits == 0)


def _decimals(units: Array, scale: Array) -> list[Decimal]:
    with localcontext(_EXACT):
        if len(scale) and (scale == scale[0]).all():
            return list(map(mul, units.tolist(), repeat(Decimal(1).scaleb(-int(scale[0])))))
        steps = {places: Decimal(1).scaleb(-places) for places in set(scale.tolist())}
        return list(map(mul, units.tolist(), map(steps.__getitem__, scale.tolist())))


def read_numeric(piece: bytes) -> Decimal:
    """Return one value of any length."""
    count, weight, sign, scale = struct.unpack_from(">HhHH", piece)
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    digits = "".join(f"{digit:04}" for digit in struct.unpack_from(f">{count}H", piece, _HEAD))
    before = 4 * (weight + 1)  # places before the point
    digits = "0" * -before + digits if before < 0 else digits.ljust(before, "0")
    whole, fraction = digits[: max(before, 0)], digits[max(before, 0) :].ljust(scale, "0")[:scale]
    # From text, as Python makes no integers of thousands of digits.
    return Decimal(f"{'-' if sign == _NEGATIVE else ''}{whole or '0'}.{fraction}")
