"""What a build is made of on the disk: arrays, texts and JSON records that are read on demand.

All are written front to back, as long as they turn out to be, and memory-mapped when they are read:
opening a million of them costs as little as opening ten.
"""

from __future__ import annotations

import json
import math
import mmap
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import numpy as np
import xxhash
from numpy.typing import DTypeLike, NDArray

from qa.types import Amendment, Clause, Document, Provision

Item = TypeVar("Item")
Array = NDArray[Any]

_HEADER = re.compile(
    r"\{'descr': '(?P<dtype>[<|]\w+)', 'fortran_order': False, 'shape': \((?P<shape>[\d, ]*)\), \} *\n"
)
_SMALL = 1 << 20
"""Bytes up to which an array is read at once: a memory map costs a page and more for each."""


def read_array(path: Path) -> Array:
    """The array of an ``.npy`` file, memory-mapped where it is not small; not to be changed.

    NumPy's own reader parses the header as Python, which CPython 3.11 cannot do in two threads at
    once ("AST constructor recursion depth mismatch"); an index is opened while another answers.

    Raises:
        ValueError: it is no such file.
    """
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        size = int.from_bytes(file.read(2), "little")
        header = _HEADER.fullmatch(file.read(size).decode("latin1"))
        if version != (1, 0) or header is None:
            raise ValueError(f"{path.name} is no array")
        dtype = np.dtype(header["dtype"])
        shape = tuple(int(number) for number in header["shape"].split(",") if number.strip())
        begin, length = file.tell(), path.stat().st_size
        if length != begin + dtype.itemsize * math.prod(shape):
            raise ValueError(f"{path.name} is not as long as it says")
        if length <= _SMALL:
            return np.frombuffer(file.read(), dtype).reshape(shape)
    # As a plain array: each slice of a memory map is three times as slow.
    return np.memmap(path, dtype, "r", begin, shape).view(np.ndarray)


def write_array(path: Path, array: Array) -> None:
    """Writes an ``.npy`` file that ``read_array`` reads."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


class ArrayFile:
    """An ``.npy`` file that grows by rows; its shape is written when it is closed."""

    def __init__(self, path: Path, dtype: DTypeLike, columns: tuple[int, ...] = ()) -> None:
        self._file = path.open("wb")
        self._dtype, self._columns, self._rows = np.dtype(dtype), columns, 0
        self._write_header()

    def _write_header(self) -> None:
        # NumPy pads its headers such that the number of rows can grow in place.
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._rows, *self._columns),
            },
        )

    def add(self, rows: Array) -> None:
        """Rows after those that were added before."""
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._rows += len(rows)

    def close(self) -> None:
        """Writes the shape and closes the file."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def abandon(self) -> None:
        """Closes the file as it is; it cannot be read."""
        self._file.close()


class TextFile:
    """Texts written one after the other in UTF-8, and where each begins: ``<name>.txt``,
    ``<name>.starts.npy``."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = (folder / f"{name}.txt").open("wb")
        self._starts = ArrayFile(folder / f"{name}.starts.npy", np.int64)
        self._starts.add(np.zeros(1, np.int64))
        self._end = 0

    def add(self, text: str) -> None:
        """A text after those that were added before."""
        data = encoded(text)
        self.add_many(data, np.array([len(data)], np.int64))

    def add_many(self, data: bytes, sizes: Array) -> None:
        """Several texts, joined; ``sizes`` are those of each in bytes."""
        self._file.write(data)
        self._starts.add(self._end + np.cumsum(sizes, dtype=np.int64))
        self._end += len(data)

    def add_record(self, record: dict[str, Any]) -> None:
        """A JSON record as a text of one line."""
        self.add(json_line(record))

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        self._starts.close()

    def abandon(self) -> None:
        """Closes the files as they are; they cannot be read."""
        self._file.close()
        self._starts.abandon()


class Texts(Sequence[str]):
    """The texts that ``TextFile`` wrote."""

    def __init__(self, folder: Path, name: str) -> None:
        self._starts = read_array(folder / f"{name}.starts.npy")
        with (folder / f"{name}.txt").open("rb") as file:
            empty = not self._starts[-1]
            self._data = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._data) != self._starts[-1]:
            raise ValueError(f"{name}.txt is not as long as {name}.starts.npy says")

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[str, ...]: ...
    def __getitem__(self, position: int | slice) -> str | tuple[str, ...]:
        if isinstance(position, slice):
            return tuple(self[i] for i in range(*position.indices(len(self))))
        start, end = self._starts[wrapped(position, len(self)) :][:2]
        return bytes(self._data[start:end]).decode("utf-8", "surrogatepass")


class Records(Sequence[Item], Generic[Item]):
    """Items made on demand, each from what ``make`` finds at its position."""

    def __init__(self, length: int, make: Callable[[int], Item]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, position: int) -> Item: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, position: int | slice) -> Item | tuple[Item, ...]:
        if isinstance(position, slice):
            return tuple(self._make(i) for i in range(*position.indices(self._length)))
        return self._make(wrapped(position, self._length))

    def __iter__(self) -> Iterator[Item]:
        return map(self._make, range(self._length))


class Names:
    """Positions by name, from sorted hashes of the names: ``<name>.keys.npy``,
    ``<name>.places.npy``."""

    def __init__(self, folder: Path, name: str, name_at: Callable[[int], str]) -> None:
        self._keys = read_array(folder / f"{name}.keys.npy")
        self._places = read_array(folder / f"{name}.places.npy")
        self._name_at = name_at

    @staticmethod
    def write(folder: Path, name: str, names: Sequence[str]) -> None:
        """Writes the files; of names that occur more than once the first is found."""
        keys = np.array([_name_key(each) for each in names], np.uint64)
        order = np.argsort(keys, kind="stable").astype(np.int32)
        write_array(folder / f"{name}.keys.npy", keys[order])
        write_array(folder / f"{name}.places.npy", order)

    def position(self, name: str) -> int:
        """The position of a name.

        Raises:
            KeyError: there is no such name.
        """
        key = np.uint64(_name_key(name))
        # Not NumPy's search: it lets go of the interpreter, which others then have to give back.
        first, last = bisect_left(self._keys, key), bisect_right(self._keys, key)
        for place in self._places[first:last].tolist():
            if self._name_at(place) == name:
                return int(place)
        raise KeyError(name)


def _name_key(name: str) -> int:
    return xxhash.xxh3_64_intdigest(encoded(name))


def wrapped(position: int, length: int) -> int:
    """A position counted from the start; raises IndexError where there is none such."""
    found = position + length if position < 0 else position
    if not 0 <= found < length:
        raise IndexError(f"{position} of {length}")
    return int(found)


def encoded(text: str) -> bytes:
    """UTF-8, in which half a surrogate pair (damaged input has them) keeps its place, too."""
    return text.encode("utf-8", "surrogatepass")


def json_line(record: dict[str, Any]) -> str:
    """A record as JSON with its keys in order: the same record gives the same line."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True)


def read_json(text: str) -> dict[str, Any]:
    """The record of a ``json_line``."""
    record: dict[str, Any] = json.loads(text)
    return record


_DOCUMENT_FIELDS = [field.name for field in fields(Document) if field.name != "text"]
_PARTS = {"provisions": Provision, "amends": Amendment}
_CLAUSE_FIELDS = [field.name for field in fields(Clause) if field.name != "text"]


def document_record(document: Document) -> dict[str, Any]:
    """A document without its text, which is stored apart."""
    record = {name: getattr(document, name) for name in _DOCUMENT_FIELDS}
    return record | {name: [asdict(each) for each in record[name]] for name in _PARTS}


def document_of(record: Mapping[str, Any], text: str = "") -> Document:
    """The document of a ``document_record``."""
    lists = {name: tuple(record[name]) for name in ("replaces", "sources")}
    parts = {name: tuple(kind(**each) for each in record[name]) for name, kind in _PARTS.items()}
    return Document(**{**record, **lists, **parts, "text": text})


def clause_record(clause: Clause) -> dict[str, Any]:
    """A clause without its text, which is a slice of its document's."""
    return {name: getattr(clause, name) for name in _CLAUSE_FIELDS}


def clause_of(record: Mapping[str, Any], document: Document) -> Clause:
    """The clause of a ``clause_record``, of ``document``."""
    lists = {name: tuple(record[name]) for name in ("path", "departments", "lead")}
    notes = tuple((start, end) for start, end in record["notes"])
    text = document.text[record["start"] : record["end"]]
    return Clause(**{**record, **lists, "notes": notes, "text": text})
