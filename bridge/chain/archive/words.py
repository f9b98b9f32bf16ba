"""Hex text of many logs at once → ABI words → Arrow columns. Nothing here loops over logs.

A word has 32 bytes; many are a matrix with a row each. What does not fit its type raises `Misfit`: no value is cut.
"""

from __future__ import annotations

from binascii import unhexlify
from typing import Any

import numpy as np
import pyarrow as pa

WORD = 32

Matrix = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Whole = np.ndarray[tuple[int], np.dtype[Any]]


_ZERO, _X = b"0x"
_DIGITS = np.full(256, 255, np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _DIGITS[ord(_digit)] = int(_digit, 16)


class Misfit(ValueError):
    """What a node or a contract says is not of the form that it must have."""


def unhexed(texts: pa.StringArray) -> tuple[Bytes, Whole]:
    """The bytes of all texts behind each other, and how many each has."""
    letters, starts, lengths = _letters(texts)
    if not len(lengths):
        return letters, lengths
    if (lengths == lengths[0]).all():
        digits = _whole(letters.reshape(len(lengths), -1)[:, 2:])
    else:
        kept = np.ones(len(letters), bool)
        kept[starts] = kept[starts + 1] = False
        digits = letters[kept]
    try:
        content = unhexlify(memoryview(digits.reshape(-1)))
    except ValueError as error:
        raise Misfit(f"no hex text: {error}") from error
    if (lengths % 2).any():
        raise Misfit("hex text with an odd number of digits")
    return np.frombuffer(content, np.uint8), lengths // 2 - 1


def unhexed_alike(texts: pa.StringArray, size: int) -> Matrix:
    """Texts of `size` bytes each, as rows."""
    content, lengths = unhexed(texts)
    if (lengths != size).any():
        raise Misfit(f"hex text of other than {size} bytes")
    return content.reshape(-1, size)


def quantities(texts: pa.StringArray) -> Whole:
    """Numbers of at most 64 bits, as JSON-RPC writes them."""
    letters, starts, lengths = _letters(texts)
    if not len(lengths):
        return lengths.astype(np.uint64)
    width = int(lengths.max()) - 2
    if lengths.min() < 3 or width > 16:
        raise Misfit("a number without digits, or beyond 64 bits")
    found = np.zeros(len(lengths), np.uint64)
    ends = starts + lengths
    for place in range(width, 0, -1):
        there = lengths - 2 >= place
        digits = np.where(there, _DIGITS[letters[np.where(there, ends - place, 0)]], 0)
        if (digits > 15).any():
            raise Misfit("a number of other than hex digits")
        found = (found << np.uint64(4)) | digits.astype(np.uint64)
    return found


def fixed(rows: Matrix) -> pa.Array:
    """One binary value of fixed size a row."""
    count, size = rows.shape
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), count, [None, pa.py_buffer(_whole(rows))])


def whole(values: Whole, kind: pa.DataType) -> pa.Array:
    """Numbers as a column of a type of the same size. `pa.array` would load pandas, which takes a second."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(_whole(values))])


def seen(column: pa.Array) -> Whole:
    """The numbers of a column without gaps, as they lie there; `to_numpy` would load pandas."""
    content = np.frombuffer(column.buffers()[1] or b"", column.type.to_pandas_dtype())
    return content[column.offset : column.offset + len(column)]


def counts_of(column: pa.ListArray) -> Whole:
    return np.diff(seen(column.offsets)).astype(np.int64)


def numbers(words: Matrix, bits: int) -> Whole:
    """Unsigned numbers of at most 64 bits."""
    if words[:, : WORD - bits // 8].any():
        raise Misfit(f"a number beyond {bits} bits")
    found: Whole = _whole(words[:, 24:]).view(">u8").reshape(-1).astype(np.uint64)
    return found


def addresses(words: Matrix) -> pa.Array:
    if words[:, :12].any():
        raise Misfit("an address of more than 20 bytes")
    return fixed(words[:, 12:])


def flags(words: Matrix) -> pa.Array:
    found = numbers(words, 8)
    if (found > 1).any():
        raise Misfit("a bool that is neither true nor false")
    bits = np.packbits(found.astype(bool), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(found), [None, pa.py_buffer(bits)])


def codes(words: Matrix) -> pa.Array:
    """Short ASCII texts padded by zeros; what is none stands there as hex, since others may write what they like."""
    there = words != 0
    plain = ((words < 127) & ((words > 31) | ~there)).all(axis=1) & ~(there[:, 1:] & ~there[:, :-1]).any(axis=1)
    if plain.all():
        lengths = there.sum(axis=1)
        return texts(words[there], _before(lengths), lengths)
    found = [
        bytes(word).rstrip(b"\0").decode() if ok else "0x" + bytes(word).hex()
        for word, ok in zip(words, plain, strict=True)
    ]
    return pa.array(found, pa.string())


def texts(content: Bytes, starts: Whole, lengths: Whole) -> pa.Array:
    """UTF-8 texts; a byte that is none is written as `\\xNN`."""
    places = np.repeat(starts - _before(lengths), lengths) + np.arange(int(lengths.sum()))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(_whole(content[places]))]
    found = pa.StringArray.from_buffers(len(lengths), buffers[1], buffers[2])
    try:
        found.validate(full=True)
    except pa.ArrowInvalid:
        raw = pa.BinaryArray.from_buffers(pa.binary(), len(lengths), buffers)
        return pa.array([one.as_py().decode("utf-8", "backslashreplace") for one in raw], pa.string())
    return found


def spread(starts: Whole, counts: Whole, step: int) -> Whole:
    """For each start so many places, `step` apart."""
    return np.repeat(starts - step * _before(counts), counts) + step * np.arange(int(counts.sum()))


def lists(items: pa.Array, counts: Whole) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(whole(offsets, pa.int32()), items)


def _letters(texts: pa.StringArray) -> tuple[Bytes, Whole, Whole]:
    """The letters of all texts behind each other, and where each begins and how many it has. All begin with 0x."""
    if texts.null_count:
        raise Misfit("a field that is missing")
    _, places, content = texts.buffers()
    offsets = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    letters = np.frombuffer(content or b"", np.uint8)[offsets[0] : offsets[-1]]
    starts, lengths = offsets[:-1] - offsets[0], np.diff(offsets)
    if (lengths < 2).any() or (letters[starts] != _ZERO).any() or (letters[starts + 1] != _X).any():
        raise Misfit("a value that does not begin with 0x")
    return letters, starts, lengths


def _before(counts: Whole) -> Whole:
    """How many all earlier ones have."""
    return np.cumsum(counts) - counts


def _whole(rows: Any) -> Any:
    return np.ascontiguousarray(rows)
