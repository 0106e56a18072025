"""The outline of a document: which printed numbers open a unit, and which unit holds which.

Documents nest the styles of numbers in any order, run a numbering on through their sections,
skip a number or print one twice. So the outline is read in one pass that keeps the units that
are open, and takes a candidate when it goes on with an open list, runs on with a closed one, or
begins a new one; the less plainly it stands at a beginning, the better it has to fit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from qa.languages.grammar import MarkerKind
from qa.markers import Anchor, Marker

_DEEPEST = 8
_SKIPPED = 5


@dataclass(slots=True)
class Unit:
    """A numbered unit: its head ``[marker.start, head_end)``, then its ``children``, to ``end``.

    ``last`` tells that no other unit follows before the end of its part of the document,
    ``resumed`` that its list goes on after it.
    """

    marker: Marker
    kind: MarkerKind
    ordinal: int
    head_end: int = 0
    end: int = 0
    last: bool = False
    resumed: bool = False
    parent: Unit | None = None
    children: list[Unit] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.marker.start

    def walk(self) -> Iterator[Unit]:
        """The unit and all below it, in the order of the text."""
        yield self
        for child in self.children:
            yield from child.walk()


def build(markers: list[Marker], breaks: list[int], length: int) -> list[Unit]:
    """The outermost units of a document of ``length`` characters.

    ``breaks`` are the sorted offsets at which a part of the document ends, whatever is open.
    """
    reader = _Reader(markers, breaks)
    for marker in markers:
        reader.read(marker)
    return _finish(_prune(reader.accepted), breaks, length)


class _Reader:
    """The state of the pass: the open units, and what was learned about the styles."""

    def __init__(self, markers: list[Marker], breaks: list[int]) -> None:
        self.accepted: list[Unit] = []
        self._open: list[Unit] = []
        self._last: dict[str, int] = {}
        self._above: dict[str, str] = {}
        self._breaks = breaks
        self._plain: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self._any: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        lines: Counter[str] = Counter()
        for marker in markers:
            for kind, ordinal in marker.readings:
                self._any[kind.name, ordinal].append(marker.start)
                if marker.anchor is not Anchor.GLUED:
                    self._plain[kind.name, ordinal].append(marker.start)
            lines[marker.readings[0][0].name] += marker.anchor is Anchor.LINE
        self._lined = {name for name, count in lines.items() if count > 1}

    def read(self, marker: Marker) -> None:
        """Take the candidate into the outline, or leave it out."""
        kind, ordinal = marker.readings[0]
        if kind.loose and not self._goes_on(marker):
            return
        if not ordinal or (
            kind.name in self._lined and not (marker.anchor is Anchor.LINE or marker.sentence)
        ):
            return
        plain = marker.anchor is not Anchor.GLUED
        if plain and ordinal == 1 and self._after_break(marker):
            self._open, self._last = [], {}
        for kind, ordinal in marker.readings:
            depth = self._continued(kind, ordinal)
            if depth is not None:
                if plain or self._best(kind, ordinal, marker.start):
                    self._take(Unit(marker, kind, ordinal), depth)
                return
        self._begin(marker, *marker.readings[0])

    def _goes_on(self, marker: Marker) -> bool:
        """Whether a number without punctuation begins a line, or follows in a list."""
        follows = any(self._continued(*reading) is not None for reading in marker.readings)
        if marker.anchor is Anchor.LINE:
            return follows or marker.readings[0][1] == 1
        return follows and marker.sentence

    def _after_break(self, marker: Marker) -> bool:
        """Whether a part of the document ended between the last unit and the candidate."""
        since = self._open[-1].start if self._open else -1
        return bisect_right(self._breaks, since) < bisect_right(self._breaks, marker.start)

    def _continued(self, kind: MarkerKind, ordinal: int) -> int | None:
        """The depth of the open list whose next number this is."""
        for depth in range(len(self._open) - 1, -1, -1):
            unit = self._open[depth]
            if unit.kind is kind and unit.ordinal + 1 == ordinal:
                return depth
        return None

    def _begin(self, marker: Marker, kind: MarkerKind, ordinal: int) -> None:
        """Begin a list, run on with a closed one, or bridge a slip in an open one."""
        depths = [depth for depth, unit in enumerate(self._open) if unit.kind is kind]
        runs_on = not depths and self._last.get(kind.name) == ordinal - 1
        if ordinal == 1 or runs_on:
            if marker.anchor is Anchor.GLUED and not self._best(kind, ordinal, marker.start):
                return
            again = marker.anchor is Anchor.LINE or len(depths) > 1
            depth = depths[-1] if depths and again else self._place(kind)
            self._take(Unit(marker, kind, ordinal), depth)
        elif marker.anchor is not Anchor.GLUED and self._slip(marker, kind, ordinal, depths):
            self._take(Unit(marker, kind, ordinal), depths[-1] if depths else self._place(kind))

    def _slip(self, marker: Marker, kind: MarkerKind, ordinal: int, depths: list[int]) -> bool:
        """Whether the document plainly skipped a number or printed one twice."""
        before = self._open[depths[-1]].ordinal if depths else self._last.get(kind.name, 0)
        line = marker.anchor is Anchor.LINE
        following = self._any.get((kind.name, ordinal + 1), [])
        goes_on = bool(following) and following[-1] > marker.start
        if not before:  # the beginning was lost
            return goes_on and (line or ordinal <= 3) and (kind.name, 1) not in self._any
        if line:
            return before <= ordinal <= before + _SKIPPED
        missing = self._any.get((kind.name, before + 1), [])
        skipped = not missing or missing[-1] < marker.start
        branch = depths and self._open[depths[-1]].marker.number != marker.number  # 第八条之一
        repeated = marker.sentence and ordinal == before and (skipped or bool(branch))
        return repeated or (goes_on and skipped and before < ordinal <= before + 3)

    def _best(self, kind: MarkerKind, ordinal: int, start: int) -> bool:
        """Whether no plainer candidate for the same number follows before the list goes on."""
        nearest = _next(self._plain.get((kind.name, ordinal), []), start)
        after = _next(self._any.get((kind.name, ordinal + 1), []), start)
        again = _next(self._any.get((kind.name, 1), []), start) if ordinal != 1 else None
        above = (
            _next(self._any.get((u.kind.name, u.ordinal + 1), []), start)
            for u in self._open
            if u.kind is not kind
        )
        bounds = [position for position in (after, again, *above) if position is not None]
        return nearest is None or any(bound < nearest for bound in bounds)

    def _place(self, kind: MarkerKind) -> int:
        """How many open units stay open when a list of this style begins."""
        for depth, unit in enumerate(self._open):
            if self._is_below(unit.kind, kind):
                return depth
        return min(len(self._open), _DEEPEST - 1)

    def _is_below(self, inner: MarkerKind, outer: MarkerKind) -> bool:
        if inner.division and outer.division:
            return inner.division > outer.division
        if inner.item and not outer.item:
            return True
        name, seen = self._above.get(inner.name), {inner.name}
        while name and name not in seen:
            if name == outer.name:
                return True
            seen.add(name)
            name = self._above.get(name)
        return False

    def _take(self, unit: Unit, depth: int) -> None:
        for closed in self._open[depth : depth + 1]:
            closed.resumed = closed.kind is unit.kind and closed.ordinal + 1 == unit.ordinal
        del self._open[depth:]
        if self._open:
            unit.parent = self._open[-1]
            if unit.parent.kind is not unit.kind:
                self._above.setdefault(unit.kind.name, unit.parent.kind.name)
        self._open.append(unit)
        self._last[unit.kind.name] = unit.ordinal
        self.accepted.append(unit)


def _next(positions: list[int], start: int) -> int | None:
    index = bisect_right(positions, start)
    return positions[index] if index < len(positions) else None


def _prune(units: list[Unit]) -> list[Unit]:
    """Leave out what stands in running text and is the only one of its style."""
    counts = Counter(unit.kind.name for unit in units)
    return [
        unit
        for unit in units
        if counts[unit.kind.name] > 1 or (unit.marker.anchor is Anchor.LINE and not unit.kind.loose)
    ]


def _restarts(unit: Unit, above: Unit) -> bool:
    """Whether a list below one of its own style follows it rather, for that never goes on."""
    return unit.kind is above.kind and not above.resumed


def _finish(units: list[Unit], breaks: list[int], length: int) -> list[Unit]:
    """Give the units their ends and children; returns the outermost."""
    kept = {id(unit) for unit in units}
    roots: list[Unit] = []
    for unit, following in zip(units, [*(u.start for u in units[1:]), length], strict=False):
        index = bisect_left(breaks, unit.marker.end)
        stop = breaks[index] if index < len(breaks) else length
        unit.end = unit.head_end = min(following, stop)
        unit.last = stop <= following
        while unit.parent and (id(unit.parent) not in kept or _restarts(unit, unit.parent)):
            unit.parent = unit.parent.parent
        (unit.parent.children if unit.parent else roots).append(unit)
        above = unit.parent
        while above:
            above.end, above.last = unit.end, unit.last
            above = above.parent
    return roots
