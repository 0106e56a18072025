"""Text that a page sets side by side: two columns to be read one after the other, and tables
without rules, which cannot be told apart from text with wide gaps for certain.

A page has two columns where nothing crosses a gap in its middle over many lines, and most lines on
either side of it are full: the cells of a table are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

TextLine: TypeAlias = dict[str, Any]
"""A line of pdfplumber: its characters (``chars``), and where it stands."""

_MIDDLE = (0.38, 0.62)  # of the width of the page, between which the gap lies
_NARROWEST = 0.8  # characters that the gap is wide
_FEWEST = 8  # lines side by side
_WIDEST_CELL = 10  # characters: columns of text are wider
_FULL = 0.85  # of the width of its column: a full line
_MOST = 0.5  # of the lines of each column are full
_CELL = 2.5  # characters between two cells of a table without rules
_ROWS = 4  # in a row that have such a gap


@dataclass(frozen=True, slots=True)
class Columns:
    """Where two columns stand: between ``top`` and ``bottom``, left and right of ``gap``, the right
    one ``shift`` points to the right of the left one."""

    gap: float
    top: float
    bottom: float
    shift: float


def find(lines: Sequence[TextLine], width: float) -> Columns | None:
    """The two columns of a page of ``width``, None where its lines go all across."""
    first, last = (share * width for share in _MIDDLE)
    beside = []
    for line in lines:
        gaps = [gap for gap in _gaps(line, _NARROWEST) if gap[0] < last and first < gap[1]]
        if gaps:
            beside.append((line, max(gaps, key=lambda gap: gap[1] - gap[0])))
    if len(beside) < _FEWEST:
        return None
    left, right = max(gap[0] for _, gap in beside), min(gap[1] for _, gap in beside)
    if right - left < _NARROWEST * beside[0][0]["chars"][0]["size"] / 2:
        return None
    top, bottom = beside[0][0]["top"], beside[-1][0]["bottom"]
    middle = (left + right) / 2
    if any(
        top <= line["top"] < bottom and line["x0"] < middle < line["x1"]
        for line in lines
        if all(line is not other for other, _ in beside)
    ):
        return None
    begin, end = min(line["x0"] for line, _ in beside), max(line["x1"] for line, _ in beside)
    if min(left - begin, end - right) < _WIDEST_CELL * beside[0][0]["chars"][0]["size"]:
        return None
    lefts = [(gap[0] - begin) / (left - begin) for _, gap in beside]
    rights = [(line["x1"] - right) / (end - right) for line, _ in beside]
    if any(sum(each >= _FULL for each in side) < _MOST * len(side) for side in (lefts, rights)):
        return None
    return Columns(middle, top, bottom, right - begin)


def has_loose_table(lines: Sequence[TextLine]) -> bool:
    """Whether lines that follow each other have gaps one below the other, as the rows of a table
    without rules do."""
    count = 1
    for above, below in pairwise([list(_gaps(line, _CELL)) for line in lines]):
        beside = any(a[0] < b[1] and b[0] < a[1] for a in above for b in below)
        count = count + 1 if beside else 1
        if count >= _ROWS:
            return True
    return False


def _gaps(line: TextLine, least: float) -> Iterator[tuple[float, float]]:
    """The stretches of a line without characters that are ``least`` characters wide."""
    chars = sorted(
        (char for char in line["chars"] if char["text"].strip()), key=lambda char: float(char["x0"])
    )
    for left, right in pairwise(chars):
        if right["x0"] - left["x1"] >= least * left["size"]:
            yield float(left["x1"]), float(right["x0"])
