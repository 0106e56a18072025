"""Word files: paragraphs and tables in their order, with the numbers that Word computes.

Headers, footers, page numbers and tables of contents are left out, and so is what a tracked
change deletes. Parts are read by python-docx; what refers to a place outside the file is not
followed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from qa.readers.archive import open_archive
from qa.readers.grid import cell_text, is_table, table_lines
from qa.readers.numbering import formatted
from qa.readers.reading import Reading, Remark, clean, printed, remark
from qa.readers.residue import without_residue

Element: TypeAlias = Any  # lxml publishes no types

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_FOOTNOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
_DELETED = frozenset((f"{_W}del", f"{_W}moveFrom"))
_SKIPPED = frozenset(
    (f"{_W}pPr", f"{_W}rPr", f"{_W}instrText", f"{_W}delText", f"{_W}tblPr", _FALLBACK)
)
_CHARACTERS = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
}
_LEVELS = 9
_CLOSED = "、，。．.）)】]〕：:"  # after these a number needs no gap


def read(path: Path, data: bytes) -> Reading:
    """The text of a Word file.

    Raises:
        CorpusError: it is damaged, or unpacks to too much.
    """
    import docx

    open_archive(path, data).close()
    document = docx.Document(io.BytesIO(data))
    body = _Body(_Numbers.of(document))
    lines = list(body.blocks(document.element.body))
    lines += body.footnotes(document)
    text = without_residue(clean("\n".join(lines)))
    return Reading(
        text=text,
        format="docx",
        title=clean(document.core_properties.title or "").strip(),
        tables=body.tables,
        characters=sum(map(printed, lines)) + body.left_out,
        remarks=tuple(body.remarks()),
    )


@dataclass(slots=True)
class _Body:
    """What is met on the way through the document."""

    numbers: _Numbers
    tables: int = 0
    deletions: int = 0
    pictures: int = 0
    left_out: int = 0
    notes: list[str] = field(default_factory=list)

    def remarks(self) -> Iterator[Remark]:
        """What the owner of the file should know."""
        for key, count in (
            ("numbering", self.numbers.written),
            ("deletions", self.deletions),
            ("pictures", self.pictures),
            ("notes", len(self.notes)),
        ):
            if count:
                yield remark(key, count=count)

    def blocks(self, parent: Element) -> Iterator[str]:
        """The lines of what stands in ``parent``."""
        for child in parent:
            if child.tag == f"{_W}p":
                yield from self.paragraph(child)
            elif child.tag == f"{_W}tbl":
                yield from self.table(child)
            elif child.tag == f"{_W}sdt" and _is_contents(child):
                self.left_out += printed("".join(child.itertext(f"{_W}t")))
            elif child.tag not in _DELETED and child.tag not in _SKIPPED:
                yield from self.blocks(child)  # content controls, custom XML

    def paragraph(self, paragraph: Element) -> Iterator[str]:
        """The lines of a paragraph with its number, and after it those of its text boxes."""
        boxes: list[Element] = []
        text = "".join(self._inline(paragraph, boxes))
        if self.numbers.is_contents(paragraph):
            self.left_out += printed(text)
            return
        if text.strip():
            number = self.numbers.number(paragraph)
            yield f"{number}{text.lstrip() if number else text}".rstrip()
        elif not boxes:
            yield ""
        for box in boxes:
            yield from self.blocks(box)

    def _inline(self, parent: Element, boxes: list[Element]) -> Iterator[str]:
        for child in parent:
            tag = child.tag
            if tag == f"{_W}t":
                yield child.text or ""
            elif tag in _CHARACTERS:
                is_page = child.get(f"{_W}type") in ("page", "column")
                yield "\n" if is_page else _CHARACTERS[tag]
            elif tag in _DELETED:
                self.deletions += 1
            elif tag == f"{_W}r" and _is_hidden(child):
                continue
            elif tag == f"{_W}txbxContent":
                boxes.append(child)
            elif tag == f"{_W}footnoteReference":
                self.notes.append(child.get(f"{_W}id") or "")
            elif tag not in _SKIPPED:
                self.pictures += str(tag).endswith("}blip")
                yield from self._inline(child, boxes)

    def table(self, table: Element) -> Iterator[str]:
        """The rows of a table, or its paragraphs where it only frames them."""
        rows = [row for row in _within(table, f"{_W}tr") if not _is_deleted(row)]
        if max((len(list(_within(row, f"{_W}tc"))) for row in rows), default=0) < 2:
            for row in rows:
                for cell in _within(row, f"{_W}tc"):
                    yield from self.blocks(cell)
            return
        lines = table_lines(self._rows(rows))
        self.tables += is_table(lines)
        yield from ("", *lines, "")

    def _rows(self, rows: list[Element]) -> Iterator[list[str]]:
        """The texts of the cells; a cell merged downwards stands in each of its rows."""
        above: dict[int, str] = {}
        for row in rows:
            cells = [""] * _value(row.find(f"{_W}trPr/{_W}gridBefore"), 0)
            for cell in _within(row, f"{_W}tc"):
                properties = cell.find(f"{_W}tcPr")
                merged = None if properties is None else properties.find(f"{_W}vMerge")
                span = None if properties is None else properties.find(f"{_W}gridSpan")
                text = cell_text(" ".join(self.blocks(cell)))
                if merged is not None and merged.get(f"{_W}val") != "restart":
                    text = above.get(len(cells), text)
                above[len(cells)] = text
                cells += [text, *[""] * (min(_value(span, 1), 63) - 1)]
            yield cells

    def footnotes(self, document: Any) -> Iterator[str]:
        """The footnotes that the text refers to, one a line."""
        from lxml import etree

        parts = [r.target_part for r in document.part.rels.values() if r.reltype == _FOOTNOTES]
        for part in parts[:1] if self.notes else ():
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            root = etree.fromstring(part.blob, parser)
            notes = {note.get(f"{_W}id"): note for note in root.iter(f"{_W}footnote")}
            for identifier in self.notes:
                if identifier in notes:
                    yield cell_text(" ".join(self.blocks(notes[identifier])))


def _within(parent: Element, tag: str) -> Iterator[Element]:
    """The rows of a table or cells of a row, through content controls."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}customXml", f"{_W}ins"):
            yield from _within(child, tag)


def _is_deleted(row: Element) -> bool:
    return row.find(f"{_W}trPr/{_W}del") is not None


def _is_hidden(run: Element) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    return vanish is not None and vanish.get(f"{_W}val") not in ("0", "false", "off")


def _is_contents(control: Element) -> bool:
    gallery = control.find(f"{_W}sdtPr/{_W}docPartObj/{_W}docPartGallery")
    return gallery is not None and gallery.get(f"{_W}val") == "Table of Contents"


def _value(element: Element | None, default: int) -> int:
    text = "" if element is None else element.get(f"{_W}val") or ""
    return int(text) if text.isascii() and text.isdecimal() else default


@dataclass(frozen=True, slots=True)
class _Level:
    style: str
    text: str
    start: int
    gap: str
    legal: bool

    @classmethod
    def of(cls, level: Element) -> _Level:
        def value(name: str, default: str) -> str:
            found = level.find(f"{_W}{name}")
            return default if found is None else found.get(f"{_W}val") or ""

        style, text = value("numFmt", "decimal"), value("lvlText", "")
        gap = "" if value("suff", "tab") == "nothing" or text.endswith(tuple(_CLOSED)) else " "
        return cls(
            style=style,
            text="•" if style == "bullet" else text,
            start=_value(level.find(f"{_W}start"), 0),
            gap=gap if style not in ("none",) else "",
            legal=level.find(f"{_W}isLgl") is not None,
        )


class _Numbers:
    """The lists of a document and how far each has counted (ECMA-376, 17.9)."""

    def __init__(self) -> None:
        self.written = 0
        self._lists: dict[str, tuple[str, dict[int, _Level]]] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[str] = set()
        self._styles: dict[str, tuple[str, int]] = {}  # style → list, level
        self._contents: set[str] = set()

    @classmethod
    def of(cls, document: Any) -> _Numbers:
        """The lists and styles of a document."""
        numbers = cls()
        for part in document.part.package.iter_parts():
            if str(part.partname).endswith("/numbering.xml") and hasattr(part, "element"):
                numbers._read_lists(part.element)
        numbers._read_styles(document.styles.element)
        return numbers

    def _read_lists(self, root: Element) -> None:
        abstract = {a.get(f"{_W}abstractNumId"): a for a in root.iter(f"{_W}abstractNum")}
        for number in root.iter(f"{_W}num"):
            identifier = number.get(f"{_W}numId")
            reference = number.find(f"{_W}abstractNumId")
            name = "" if reference is None else reference.get(f"{_W}val")
            levels = self._levels(abstract[name]) if name in abstract else {}
            starts: dict[int, int] = {}
            for override in number.iter(f"{_W}lvlOverride"):
                depth = int(override.get(f"{_W}ilvl") or 0)
                level = override.find(f"{_W}lvl")
                if level is not None:
                    levels[depth] = _Level.of(level)
                start = override.find(f"{_W}startOverride")
                if start is not None:
                    starts[depth] = _value(start, 1)
            self._lists[identifier] = (name, levels)
            self._restarts[identifier] = starts

    @staticmethod
    def _levels(abstract: Element) -> dict[int, _Level]:
        return {
            int(level.get(f"{_W}ilvl") or 0): _Level.of(level)
            for level in abstract.iter(f"{_W}lvl")
        }

    def _read_styles(self, root: Element) -> None:
        styles = {style.get(f"{_W}styleId"): style for style in root.iter(f"{_W}style")}
        for identifier in styles:
            name = styles[identifier].find(f"{_W}name")
            if name is not None and str(name.get(f"{_W}val")).lower().startswith("toc "):
                self._contents.add(identifier)
            base, seen = identifier, set[str]()
            while base in styles and base not in seen:
                seen.add(base)
                properties = styles[base].find(f"{_W}pPr/{_W}numPr")
                if properties is not None:
                    number = properties.find(f"{_W}numId")
                    level = properties.find(f"{_W}ilvl")
                    if number is not None:
                        listed = number.get(f"{_W}val") or ""
                        self._styles[identifier] = (listed, _value(level, 0))
                        break
                based = styles[base].find(f"{_W}basedOn")
                base = "" if based is None else based.get(f"{_W}val")

    def is_contents(self, paragraph: Element) -> bool:
        """Whether a paragraph is an entry of a table of contents."""
        return self._style(paragraph) in self._contents

    @staticmethod
    def _style(paragraph: Element) -> str:
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        return "" if style is None else str(style.get(f"{_W}val"))

    def number(self, paragraph: Element) -> str:
        """The number that Word prints before a paragraph, with its gap; empty where none."""
        listed, depth = self._styles.get(self._style(paragraph), ("", 0))
        own = paragraph.find(f"{_W}pPr/{_W}numPr")
        if own is not None:
            number, level = own.find(f"{_W}numId"), own.find(f"{_W}ilvl")
            listed = listed if number is None else number.get(f"{_W}val") or ""
            depth = _value(level, depth)
        name, levels = self._lists.get(listed, ("", {}))
        if depth not in levels or depth >= _LEVELS:
            return ""
        counts = self._counts.setdefault(name, {})
        if listed not in self._begun:
            self._begun.add(listed)
            for overridden in self._restarts[listed]:
                counts.pop(overridden, None)
        start = self._restarts[listed].get(depth, levels[depth].start)
        counts[depth] = counts.get(depth, start - 1) + 1
        for deeper in [other for other in counts if other > depth]:
            del counts[deeper]
        return self._printed(levels, counts, depth)

    def _printed(self, levels: dict[int, _Level], counts: dict[int, int], depth: int) -> str:
        level = levels[depth]
        text = level.text
        for other in range(depth + 1):
            if f"%{other + 1}" in text and other in levels:
                style = "decimal" if level.legal else levels[other].style
                count = counts.get(other, levels[other].start)
                text = text.replace(f"%{other + 1}", formatted(count, style))
        if not text.strip():
            return ""
        self.written += level.style != "bullet"
        return text + level.gap
