"""Splits a policy document into its clauses.

    text ──layout──▶ reading ──markers──▶ candidates ──outline──▶ units ──levels──▶ clauses
                        └────notes, tables────────────────────────────┘

The clause is the finest numbered unit that the document works with: where departments are named,
the finest with a note of its own; elsewhere the finest that carries text and is no mere item.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from statistics import median

from qa import layout, markers, notes, outline, rows, tables, titles
from qa.languages import NOTES, NUMBERING
from qa.languages.grammar import ARTICLE, MarkerKind, NoteGrammar, Numbering
from qa.markers import Anchor, Marker
from qa.notes import Name, Note
from qa.outline import Unit
from qa.tables import Row, Table
from qa.titles import Title
from qa.types import Clause, Document

_BLANK = " \t\u3000\xa0\n*#_>|-" + layout.FILLER
_ITEM_LENGTH = 80  # characters; shorter units under a sentence are its items, not clauses
_HEADING_LENGTH = 60
_BARE_HEADING = 30
_AGAIN = 2  # units whose last item alone has a note, so that it is the note of the whole unit
_HABIT = 3  # notes that a text without numbers has to have for its paragraphs to be clauses
_UNNUMBERED = MarkerKind("unnumbered", "", "", len)
_ROWS = 20  # rows of one number that are compared
_SHARED = 0.4  # of the words in a row of a table, which the clause of its number has too
_ENTRY = 100  # characters of an entry in a list of attachments
_PUNCTUATION = "。；：，、！？.;:,!?）)]】〕|\t"


def split(document: Document) -> tuple[Clause, ...]:
    """The clauses of ``document`` in order, exact slices that do not overlap.

    Where nothing is numbered, the rows of its tables are the clauses, else the paragraphs that end
    with the departments; returns () where there are none either. Never raises on any text.
    """
    grammar = NOTES[document.language]
    if found := rows.find(document.text, grammar):
        return tuple(_row_clauses(document, found))
    source = _Source.of(document)
    units = list(source.restored(list(source.clauses())))
    if not units and (found := rows.of_tables(document.text, grammar)):
        return tuple(_row_clauses(document, found))
    units = units or list(source.unnumbered())
    habits = source.habits(units)
    spans = [source.span(unit, habits[unit.kind.name]) for unit in units]
    headed = [source.title(unit, end) for unit, (_, end) in zip(units, spans, strict=True)]
    ids: Counter[str] = Counter()
    clauses = []
    for unit, (start, end), title in zip(
        units, spans, titles.settle(document.text, headed, source.rules), strict=True
    ):
        above = list(_above(unit))
        numbers = "/".join(u.marker.number or f"[{u.ordinal}]" for u in [*above, unit])
        ids[numbers] += 1
        repeated = f"~{ids[numbers]}" if ids[numbers] > 1 else ""
        inside = source.notes_in(start, end)
        names = [name for note in inside for name in note.names]
        if not names:
            names = [*source.tabled(unit, document.text[start:end])]
        if not names:
            names = [*source.of_section(start)]
        clauses.append(
            Clause(
                id=f"{document.id}#{numbers}{repeated}",
                document_id=document.id,
                number=unit.marker.number,
                path=tuple(source.heading(u) for u in above),
                title=document.text[title.start : title.end],
                start=start,
                end=end,
                text=document.text[start:end],
                title_start=title.start - start,
                title_end=title.end - start,
                body_start=title.body - start,
                departments=tuple(dict.fromkeys(name.text for name in names)),
                lead=tuple(dict.fromkeys(name.text for name in names if name.lead)),
                notes=tuple((note.start - start, note.end - start) for note in inside),
            )
        )
    return tuple(clauses)


def _row_clauses(document: Document, found: Sequence[rows.Row]) -> Iterator[Clause]:
    """The rows of a table as clauses."""
    ids: Counter[str] = Counter()
    for ordinal, row in enumerate(found, 1):
        number = row.number or f"[{ordinal}]"
        ids[number] += 1
        repeated = f"~{ids[number]}" if ids[number] > 1 else ""
        names = [name for note in row.notes for name in note.names]
        yield Clause(
            id=f"{document.id}#{number}{repeated}",
            document_id=document.id,
            number=row.number,
            path=tuple(heading for heading in row.path if heading != document.title),
            title=document.text[slice(*row.title)],
            start=row.start,
            end=row.end,
            text=document.text[row.start : row.end],
            title_start=row.title[0] - row.start,
            title_end=row.title[1] - row.start,
            body_start=row.body - row.start,
            departments=tuple(dict.fromkeys(name.text for name in names)),
            lead=tuple(dict.fromkeys(name.text for name in names if name.lead)),
            notes=tuple((note.start - row.start, note.end - row.start) for note in row.notes),
        )


def remainder(document: Document, clauses: tuple[Clause, ...]) -> tuple[tuple[int, int], ...]:
    """The spans of the text outside all clauses and headings, trimmed of white space.

    What stands there: preamble, paragraphs under a heading, closing, signature, appendices.
    """
    spans = []
    position = 0
    for clause in clauses:
        gap, stop = [], clause.start
        for heading in reversed(clause.path):
            at = document.text.rfind(heading, position, stop)
            if at >= 0:
                gap.append((at + len(heading), stop))
                stop = at
        spans += [(position, stop), *reversed(gap)]
        position = clause.end
    spans.append((position, len(document.text)))
    return tuple(span for span in (_trim(document.text, *s) for s in spans) if span[0] < span[1])


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _skip(text: str, start: int) -> int:
    while start < len(text) and text[start] in _BLANK:
        start += 1
    return start


def _shared(words: str, wording: str) -> float:
    """How much of some words, in pairs of characters, is in a wording; 1 where there are none."""
    pairs = {words[index : index + 2] for index in range(len(words) - 1)}
    return sum(pair in wording for pair in pairs) / len(pairs) if pairs else 1.0


def _above(unit: Unit) -> Iterator[Unit]:
    """The units that hold this one, outermost first."""
    if unit.parent:
        yield from _above(unit.parent)
        yield unit.parent


@dataclass(frozen=True, slots=True)
class _Habit:
    """How clauses of one style end: with their note, after at most so many paragraphs (0: any)."""

    ends_with_note: bool
    paragraphs: int


@dataclass(frozen=True, slots=True)
class _Source:
    """A document read: its outline, its notes, and the rules of its language.

    ``text`` is the text as it is read, ``printed`` as it stands: of one length.
    """

    text: str
    printed: str
    rules: Numbering
    roots: list[Unit]
    notes: list[Note]
    note_starts: list[int]
    appendices: list[int]
    rows: dict[str, dict[int, list[Row]]]
    """The rows of tables that name departments, by style and ordinal of their numbers."""
    sections: list[tuple[int, int, tuple[Name, ...]]]
    """Stretches whose clauses share the departments that one sentence names."""

    @classmethod
    def of(cls, document: Document) -> _Source:
        text, rules = layout.reading(document.text, document.language), NUMBERING[document.language]
        grammar = NOTES[document.language]
        found_tables = tables.find(text, grammar)
        candidates = _outside(found_tables, markers.find(text, rules))
        appendices = [
            match.start()
            for match in rules.appendix.finditer(text)
            if not markers.is_contents_line(text, match.start())
        ]
        lists = [match.start() for match in rules.attachments.finditer(text)]
        signatures = [match.start() for match in rules.signature.finditer(text)]
        breaks = sorted({*appendices, *lists, *signatures})
        candidates = _without_attachments(text, candidates, lists)
        roots = outline.build(candidates, breaks, len(text))
        units = [unit for root in roots for unit in root.walk()]
        bounds = sorted(unit.start for unit in units)
        bodies = sorted(_skip(text, unit.marker.end) for unit in units)
        closings = [match.start(1) for match in rules.closing.finditer(text)]
        found = notes.find(text, bounds, bodies, [*closings, *breaks], grammar)
        found = notes.apply_rule(text, found, grammar)
        starts = [note.start for note in found]
        tabled = _numbered(found_tables, units)
        shared = list(_shared_by_section(text, roots, grammar))
        return cls(text, document.text, rules, roots, found, starts, appendices, tabled, shared)

    def notes_in(self, start: int, end: int) -> list[Note]:
        """The notes that begin in a span."""
        low, high = bisect_left(self.note_starts, start), bisect_left(self.note_starts, end)
        return self.notes[low:high]

    def noted(self, start: int, end: int) -> bool:
        """Whether a note begins in a span."""
        return bisect_left(self.note_starts, start) < bisect_left(self.note_starts, end)

    def tabled(self, unit: Unit, wording: str) -> Sequence[Name]:
        """Whom a table names for a clause: the row of its number that shares most with it."""
        rows = self.rows.get(unit.kind.name, {}).get(unit.ordinal, ())[:_ROWS]
        alike = [(_shared(row.words, wording), row) for row in rows]
        share, row = max(alike, key=itemgetter(0), default=(0.0, None))
        return row.names if row and share >= _SHARED else ()

    def of_section(self, start: int) -> Sequence[Name]:
        """Whom a sentence names for all clauses of the section that the clause at ``start`` is in;
        of nested sections the innermost counts."""
        around = [
            (last - first, names) for first, last, names in self.sections if first <= start < last
        ]
        return min(around, key=itemgetter(0))[1] if around else ()

    # --- levels ------------------------------------------------------------------------------

    def clauses(self) -> Iterator[Unit]:
        """The units that are the clauses of the document."""
        levels = _Levels(self)
        body = [root for root in self.roots if not self._appended(root)]
        appended = [root for root in self.roots if self._appended(root)]
        for root in body:
            yield from levels.clauses(root)
        named = self.noted(0, body[-1].end) if body else False
        for root in appended:
            if not body or (not named and self.noted(root.start, root.end)):
                yield from levels.clauses(root)

    def _appended(self, unit: Unit) -> bool:
        return bool(self.appendices) and self.appendices[0] < unit.start

    def is_heading(self, unit: Unit) -> bool:
        """Whether the head of a unit is a heading and nothing else."""
        head = self.text[unit.marker.end : unit.head_end].strip(_BLANK)
        stop = self.rules.sentence_end.search(head)
        return (
            len(head) <= _HEADING_LENGTH
            and "\n" not in head
            and (not stop or stop.end() == len(head))
            and not head.endswith(("：", ":"))
        )

    def heading(self, unit: Unit) -> str:
        """The heading of a unit as printed, with its number."""
        title = self.title(unit, unit.head_end)
        end = title.end
        if title.form in ("none", "short"):
            end = unit.head_end if self.is_heading(unit) else title.end
        return self.printed[unit.start : max(end, unit.marker.end)].rstrip(_BLANK)

    def restored(self, units: list[Unit]) -> Iterator[Unit]:
        """The units, and where a number is missing between two of them the one that lost it:
        what stands before the gap then holds twice what any other unit does."""
        parts = [
            [note.end for note in self.notes_in(unit.start, unit.end)] if not unit.children else []
            for unit in units
        ]
        if not any(parts):
            parts = [
                [] if unit.last else [end for _, end in self._paragraphs(unit, unit.end)]
                for unit in units
            ]
        gaps = {
            index
            for index, (unit, following) in enumerate(pairwise(units))
            if following.kind is unit.kind and following.ordinal == unit.ordinal + 2
        }
        double = {index for index, held in enumerate(parts) if len(held) > 1}
        for index, unit in enumerate(units):
            yield unit
            if double <= gaps and index in double and len(parts[index]) == 2:
                start = _trim(self.text, parts[index][0], unit.end)[0]
                marker = replace(unit.marker, start=start, end=start, number="")
                yield replace(unit, marker=marker, ordinal=unit.ordinal + 1, head_end=unit.end)
                unit.end = unit.head_end = start

    def unnumbered(self) -> Iterator[Unit]:
        """The paragraphs that end with a note, where that is the habit."""
        if len(self.notes) < _HABIT:
            return
        position = 0
        for ordinal, note in enumerate(self.notes, 1):
            start = max(position, self.text.rfind("\n", position, note.start) + 1)
            if not self.text[start : note.start].strip(_BLANK):  # a note on a line of its own
                start = max(position, self.text.rfind("\n", position, max(position, start - 1)) + 1)
            start = _trim(self.text, start, note.start)[0]
            position = note.end
            if start < note.start:
                marker = Marker(start, start, "", Anchor.LINE, True, ((_UNNUMBERED, ordinal),))
                last = ordinal == len(self.notes)
                yield Unit(marker, _UNNUMBERED, ordinal, note.end, note.end, last)

    # --- spans -------------------------------------------------------------------------------

    def title(self, unit: Unit, end: int) -> Title:
        """The title of a unit that ends at ``end``."""
        inside = self.notes_in(unit.marker.end, end)
        while inside and not self.text[inside[-1].end : end].strip(_BLANK + "。."):
            end = inside.pop().start
        begin = unit.marker.end
        if inside and inside[0].start == _skip(self.text, begin):
            begin = inside.pop(0).end
        elif inside and self._heads(unit, inside[0]):
            start, stop = _trim(self.text, unit.marker.end, inside[0].start)
            body = _trim(self.text, inside[0].end, end)[0]
            return Title(start, stop, body, "own")
        return titles.find(self.text, begin, end, self.rules, article=unit.kind.division == ARTICLE)

    def _heads(self, unit: Unit, note: Note) -> bool:
        """Whether a note stands right after the title, before the text."""
        words = self.text[unit.marker.end : note.start]
        return (
            0 < len(words.strip(_BLANK)) <= _BARE_HEADING
            and not any(char in _PUNCTUATION for char in words)
            and self.text[note.end : note.end + 1] not in tuple("，；。、,;.")
        )

    def habits(self, units: list[Unit]) -> dict[str, _Habit]:
        """How the clauses of each style end; the last of a part, to be measured by it, aside."""
        styles: defaultdict[str, list[Unit]] = defaultdict(list)
        for unit in units:
            styles[unit.kind.name] += [] if unit.last else [unit]
        return {style: self._habit(members) for style, members in styles.items()}

    def _habit(self, units: list[Unit]) -> _Habit:
        noted = [
            not self.text[inside[-1].end : unit.end].strip(_BLANK + "。.")
            for unit in units
            if (inside := self.notes_in(unit.start, unit.end))
        ]
        paragraphs = max((len(self._paragraphs(unit, unit.end)) for unit in units), default=0)
        return _Habit(
            ends_with_note=not noted or sum(noted) * 5 >= len(noted) * 4,
            paragraphs=paragraphs if len(units) > 1 else 0,
        )

    def span(self, unit: Unit, habit: _Habit) -> tuple[int, int]:
        """Where a clause begins and ends, without what follows the last clause."""
        end = self._without_closing(unit, habit) if unit.last else unit.end
        end = self._without_heading(unit, self._stripped(unit, end))
        return unit.start, end

    def _stripped(self, unit: Unit, end: int) -> int:
        while (
            end > unit.marker.end
            and self.text[end - 1] in _BLANK
            and layout.is_blank(self.text, self.printed, end - 1)
        ):
            end -= 1
        return end

    def _without_heading(self, unit: Unit, end: int) -> int:
        """The end without a heading that has no number: one bare line after a whole sentence."""
        start = self.text.rfind("\n", unit.marker.end, end) + 1
        line = self.text[start:end]
        if not start or len(line) > _BARE_HEADING or any(char in _PUNCTUATION for char in line):
            return end
        before = self._stripped(unit, start)
        ended = self.text[before - 1] in "。）)］]】〕"
        return before if ended and before > self.title(unit, end).end + 1 else end

    def _without_closing(self, unit: Unit, habit: _Habit) -> int:
        """The end of a last clause: closing paragraphs have no number, and are none of it."""
        inside = self.notes_in(unit.start, unit.end)
        body = self.title(unit, unit.end).body
        if inside and habit.ends_with_note and inside[-1].start > body:
            end = inside[-1].end
            return end + 1 if self.text[end : end + 1] in ("。", ".") else end
        closing = self.rules.closing.search(self.text, unit.marker.end, unit.end)
        end = unit.end
        if closing and closing.start(1) > body and self._holds_text(unit, closing.start(1)):
            end = closing.start(1)
        paragraphs = self._paragraphs(unit, end)
        if not unit.children and 0 < habit.paragraphs < len(paragraphs):
            end = paragraphs[habit.paragraphs - 1][1]
        return end

    def _holds_text(self, unit: Unit, end: int) -> bool:
        """Whether more than a heading stands in a unit before ``end``."""
        words = self.text[unit.marker.end : end].strip(_BLANK)
        return len(words) > _BARE_HEADING or words[-1:] in tuple("。.）)】]")

    def _paragraphs(self, unit: Unit, end: int) -> list[tuple[int, int]]:
        spans = []
        start = unit.start
        while start < end:
            stop = self.text.find("\n", start, end)
            stop = end if stop < 0 else stop
            if self.text[start:stop].strip(_BLANK):
                spans.append((start, stop))
            start = stop + 1
        return spans


def _numbered(found: list[Table], units: list[Unit]) -> dict[str, dict[int, list[Row]]]:
    """The rows of tables by what their numbers are in each style of the units."""
    rows: defaultdict[str, defaultdict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for kind in {unit.kind for unit in units}:
        for row in (row for table in found for row in table.rows):
            rows[kind.name][kind.ordinal(row.number)].append(row)
    return {name: dict(numbers) for name, numbers in rows.items()}


def _shared_by_section(
    text: str, roots: list[Unit], grammar: NoteGrammar
) -> Iterator[tuple[int, int, tuple[Name, ...]]]:
    """The stretches of text whose clauses a sentence gives to the same departments: those below the
    heading under which it stands, those above it in the section that it closes."""
    if not (found := list(grammar.section.finditer(text))):
        return
    units = [unit for root in roots for unit in root.walk() if len(unit.children) > 1]
    for match in found:
        names = notes.read(match.group("names"), grammar)
        place = match.start("names")
        if match.group("below"):
            holders = [u for u in units if u.marker.end <= place < u.children[0].start]
        else:
            holders = [
                u
                for u in units
                if u.children[-1].start < place < u.end
                and not text[match.end() : u.end].strip(_BLANK + "）)。")
                and text[: match.start()].rstrip(" \t\u3000")[-1:] == "\n"
            ]
        for holder in holders[-1:]:
            yield holder.children[0].start, holder.end, names


def _outside(found: list[Table], candidates: list[Marker]) -> list[Marker]:
    """The candidates that stand in no table."""
    ends = [table.end for table in found]
    kept = []
    for marker in candidates:
        index = bisect_left(ends, marker.end)
        if index == len(found) or marker.start < found[index].start:
            kept.append(marker)
    return kept


def _without_attachments(text: str, candidates: list[Marker], lists: list[int]) -> list[Marker]:
    """Leave out the numbers of a list of attachments: 1, 2, 3 after 附件： with no sentence."""
    kept = []
    waiting = deque(lists)
    listed = start = 0  # numbers of the list read so far, and where the last of them stands
    for marker in candidates:
        while waiting and waiting[0] < marker.start:
            listed, start = 1, waiting.popleft()
        following = listed and marker.readings[0][1] == listed and marker.number[:1].isdecimal()
        if following and marker.start - start < _ENTRY and "。" not in text[start : marker.start]:
            listed, start = listed + 1, marker.start
            continue
        listed = 0
        kept.append(marker)
    return kept


class _Levels:
    """Chooses which units are clauses and which are headings above them or items inside."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._working: set[str] = set()  # styles whose units have notes of their own
        self._noted_leaves: set[str] = set()
        self._closed: Counter[tuple[str, str]] = Counter()
        """Styles above and below, by how often nothing but the last of several below has a note."""
        self._descend: dict[tuple[str, str], bool] = {}
        units = [unit for root in source.roots for unit in root.walk()]
        for unit in units:
            noted = [child for child in unit.children if self._noted(child)]
            if len(noted) > 1 or (noted and noted[0] is not unit.children[-1]):
                self._working.update(child.kind.name for child in noted)
            elif noted and len(unit.children) > 1:
                self._closed[unit.kind.name, noted[0].kind.name] += 1
            if not unit.children and self._noted(unit):
                self._noted_leaves.add(unit.kind.name)
        self._vote(units)

    def _noted(self, unit: Unit) -> bool:
        return self._source.noted(unit.start, unit.end)

    def _vote(self, units: list[Unit]) -> None:
        """Where nothing names departments, one level holds for the whole document."""
        pairs: defaultdict[tuple[str, str], list[Unit]] = defaultdict(list)
        for unit in units:
            if unit.children and not self._noted(unit):
                pairs[unit.kind.name, unit.children[0].kind.name].append(unit)
        for pair, holders in pairs.items():
            items = holders[0].children[0].kind.item
            headings = sum(self._source.is_heading(unit) for unit in holders)
            lengths = [child.end - child.start for unit in holders for child in unit.children]
            headed = 2 * headings > len(holders) and not items
            self._descend[pair] = headed or median(lengths) >= _ITEM_LENGTH

    def clauses(self, unit: Unit) -> Iterator[Unit]:
        """The clauses in a unit: itself, or those in the units below it."""
        if not unit.children or not self._holds_clauses(unit):
            yield unit
            return
        for child in unit.children:
            yield from self.clauses(child)

    def _holds_clauses(self, unit: Unit) -> bool:
        noted = [child for child in unit.children if self._noted(child)]
        if len(noted) > 1 or (noted and noted[0] is not unit.children[-1]):
            return True
        heading = self._source.is_heading(unit)
        if noted:  # the note after the last of several may be the note of all of them
            kind = noted[0].kind.name
            alike = unit.kind.name in self._noted_leaves or unit.kind.division == ARTICLE
            usual = kind in self._working and not alike
            deeper = bool(noted[0].children) and self._holds_clauses(noted[0])
            again = kind not in self._working and self._closed[unit.kind.name, kind] >= _AGAIN
            whole = alike or again or noted[0].kind.item
            return usual or deeper or (heading and not whole)
        if self._noted(unit):
            return False
        below = {inner.kind.name for child in unit.children for inner in child.walk()}
        if below & self._working:
            return True
        if unit.kind.name in self._working | self._noted_leaves:
            return heading and not self._are_items(unit)
        return self._holds_text(unit, heading)

    def _holds_text(self, unit: Unit, heading: bool) -> bool:
        """Whether the units below carry text at the level of a clause."""
        if unit.kind.division == ARTICLE or self._are_items(unit):
            return False
        first = unit.children[0].kind
        headed = heading and not first.item
        return headed or self._descend.get((unit.kind.name, first.name), False)

    def _are_items(self, unit: Unit) -> bool:
        """Whether the units below make one sentence: they end in semicolons."""
        text = self._source.text
        ends = [text[child.start : child.end].rstrip(_BLANK)[-1:] for child in unit.children[:-1]]
        return bool(ends) and sum(end in "；;，," for end in ends) * 2 > len(ends)


__all__ = ["remainder", "split"]
