"""Web pages: the main text, with its tables and the numbers of its lists.

Parsed by lxml, which fetches nothing; docs/clauses.md compares with Trafilatura.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from qa.readers.grid import cell_text, is_table, table_lines
from qa.readers.numbering import formatted
from qa.readers.reading import Reading, Remark, clean, printed, remark
from qa.readers.residue import is_residue, without_residue
from qa.readers.text import decoded

Element: TypeAlias = Any  # lxml publishes no types

_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.I)
_NEVER = frozenset(
    "script style noscript template iframe object embed applet svg math canvas audio video map head"
    " select button input textarea option datalist dialog link meta".split()
)
_FRAME = frozenset("nav header footer aside menu".split())
_PARAGRAPHS = frozenset(
    "p div section article main h1 h2 h3 h4 h5 h6 li ul ol dl dt dd blockquote pre figure figcaption"
    " address center form fieldset details summary hr body html header table caption tr td th"
    " thead tbody tfoot".split()
)
_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "complementary", "menu"))
_FRAMING = re.compile(  # names that the parts of a page around its text have, as whole words
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|breadcrumbs?|crumbs?|footer|foot|bottom|sidebar|side|share|bdshare"
    r"|social|qrcode|qr|ewm|erweima|pag(?:e|inat)(?:ion|r|nav)|pager|toolbar|tools?|copyright|related|recommend|search|login"
    r"|banner|logo|top-?bar|sitemap|friend-?links?|links|print|font-?size|prev-?next|hot-?news|skip|cookie|advert\w*|ads?)(?:$|[\s_-])",
    re.I,
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_MOST = 0.9  # of the words outside links: what holds as much is the main text
_FRAME_AT_MOST = 0.35  # of the words: what holds more is no frame, whatever its name
_DEEPEST = 400
_LONG_CELL = 400  # characters: a cell with more is a part of the page's layout
_WIDEST = 100
_IMPRINT = re.compile(
    "索引号|发文机关|发布机构|发文字号|文号|成文日期|发布日期|公开日期|有效性|废止日期|主题分类"
)
_LONGEST_IMPRINT = 500  # characters
_LIST_STYLES = {
    "1": "decimal",
    "a": "lowerLetter",
    "A": "upperLetter",
    "i": "lowerRoman",
    "I": "upperRoman",
}
_NUMBERED = re.compile(
    r"\s*[（(\[【]?(?:第?[一二三四五六七八九十百零〇]{1,6}[、.．）)条章节]|[0-9]{1,4}[.．、）)]|[①-⑳])"
)
_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_TITLE_SITE = re.compile(r"\s*(?:[-_|–—>]+|\s{2,})\s*[^-_|–—>]*$")


def read(path: Path, data: bytes) -> Reading:
    """The main text of a web page.

    Raises:
        CorpusError: it is no text.
    """
    text, encoding, remarks = _decoded(path, data)
    reading = page(text)
    return Reading(
        text=without_residue(clean(reading.text)),
        format="html",
        encoding=encoding,
        title=reading.title,
        tables=reading.tables,
        characters=reading.characters,
        remarks=(*remarks, *reading.remarks),
    )


def _decoded(path: Path, data: bytes) -> tuple[str, str, tuple[Remark, ...]]:
    """The page as text: as it declares itself where that is true, else as it looks."""
    declared = _DECLARED.search(data[:4096])
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    name = "gb18030" if name.startswith("gb") else name
    try:
        if name not in ("utf-8", "utf8"):
            return data.decode(name), name, ()
    except (LookupError, UnicodeDecodeError):
        pass
    return decoded(path, data)


def page(markup: str) -> Reading:
    """The text of a page that is decoded; residue within the text is still there."""
    root = _parsed(markup)
    if root is None:
        return Reading("", "html")
    title = _title(root)
    before = printed(" ".join(_words(root)))
    _without_frames(root)
    main = _main(root)
    text = _Text()
    text.block(main, 0)
    lines = list(_trimmed("".join(text.parts)))
    lines = [*_imprint(root, main), *lines]
    heading = _heading(root, main)
    if heading and heading not in "".join(lines).replace("\n", ""):
        lines.insert(0, heading)
    remarks = (remark("pictures", count=text.pictures),) if text.pictures else ()
    return Reading(
        text="\n".join(lines),
        format="html",
        title=title,
        tables=text.tables,
        characters=max(before, sum(map(printed, lines))),
        remarks=remarks,
    )


def _parsed(markup: str) -> Element | None:
    from lxml import html
    from lxml.etree import ParserError

    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    # lxml refuses a declaration of an encoding in text that is decoded already
    markup = re.sub(r"^\s*<\?xml[^>]*\?>", "", markup).replace("\0", "")
    try:
        return html.document_fromstring(markup, parser=parser)
    except ParserError:  # nothing in it
        return None


def _title(root: Element) -> str:
    """The title as the page declares it: without the name of the site."""
    for meta in root.iter("meta"):
        if (meta.get("name") or meta.get("property") or "").lower() in ("articletitle", "og:title"):
            return cell_text(clean(meta.get("content") or ""))
    for element in root.iter("title"):
        title = cell_text(clean(element.text_content()))
        return _TITLE_SITE.sub("", title) or title
    return ""


def _words(element: Element, *, links: bool = True) -> Iterator[str]:
    """The texts below an element that people see."""
    if element.tag in _NEVER or not isinstance(element.tag, str):
        return
    if links or element.tag != "a":
        if element.text:
            yield element.text
        for child in element:
            yield from _words(child, links=links)
            if child.tail:
                yield child.tail


def _count(element: Element) -> int:
    """Characters outside links: what a text has and a list of links has not."""
    words = _words(element, links=False)
    return sum(printed(word) for word in words if not is_residue(word))


def _without_frames(root: Element) -> None:
    """Take away what stands around the text: navigation, footers, bars, what is hidden."""
    total = _count(root)
    for element in [e for e in root.iter() if isinstance(e.tag, str)]:
        if element.tag in ("html", "body") or element.getparent() is None:
            continue
        never = element.tag in _NEVER or _is_hidden(element)
        if never or (_is_frame(element) and _count(element) <= _FRAME_AT_MOST * total):
            element.drop_tree()


def _is_hidden(element: Element) -> bool:
    return element.get("hidden") is not None or bool(_HIDDEN.search(element.get("style") or ""))


def _is_frame(element: Element) -> bool:
    if any(True for _ in element.iter("h1")):
        return False
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return (
        element.tag in _FRAME
        or (element.get("role") or "").lower() in _ROLES
        or bool(_FRAMING.search(names))
    )


def _main(root: Element) -> Element:
    """The innermost element that holds nearly all words outside links."""
    body = root.find("body")
    main = root if body is None else body
    total = _count(main)
    while total:
        inner = [child for child in main if isinstance(child.tag, str) and child.tag != "a"]
        best = max(inner, key=_count, default=None)
        if (
            best is None
            or best.tag in ("table", "p", "ol", "ul", "tr")
            or _count(best) < _MOST * total
        ):
            break
        main = best
    return main


def _heading(root: Element, main: Element) -> str:
    """The only heading of the page, where it stands outside its main text."""
    headings = [heading for heading in root.iter("h1") if cell_text(heading.text_content())]
    inside = set(main.iter("h1"))
    if len(headings) != 1 or headings[0] in inside:
        return ""
    return cell_text(clean(headings[0].text_content()))


def _imprint(root: Element, main: Element) -> list[str]:
    """What a page says of the policy before its text: number, issuer, dates, a line each."""
    apart = {*main.iter(), *main.iterancestors()}
    found: list[str] = []
    for element in root.iter("table", "ul", "dl", "div"):
        if element not in apart and len(set(_IMPRINT.findall(element.text_content()))) > 1:
            text = _Text()
            text.block(element, 0)
            lines = [line for line in _trimmed("".join(text.parts)) if line]
            if sum(map(len, lines)) <= _LONGEST_IMPRINT:
                found = lines  # the innermost is met last
    return found


def _trimmed(text: str) -> Iterator[str]:
    blank = True
    for line in text.split("\n"):
        stripped = line.strip(" ")
        if stripped.strip():
            yield stripped
        elif not blank:
            yield ""
        blank = not stripped.strip()


class _Text:
    """Markup read out: blocks are lines, white space is as a browser shows it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.tables = 0
        self.pictures = 0

    def block(self, element: Element, depth: int, *, preformatted: bool = False) -> None:
        """The text of an element and of all below it."""
        if not isinstance(element.tag, str) or element.tag in _NEVER or depth > _DEEPEST:
            return
        tag = element.tag
        if tag == "br":
            self.parts.append("\n")
            return
        if tag == "table" and self._table(element, depth):
            return
        self.pictures += tag == "img" and _is_large(element)
        is_block = tag in _PARAGRAPHS
        if is_block:
            self._line_end()
        if tag == "li":
            self.parts.append(_number(element))
        keep = preformatted or tag == "pre"
        self._words(element.text, keep)
        for child in element:
            self.block(child, depth + 1, preformatted=keep)
            self._words(child.tail, keep)
        if is_block:
            self._line_end()

    def _words(self, text: str | None, preformatted: bool) -> None:
        if not text:
            return
        words = text if preformatted else _SPACES.sub(" ", text)
        if words == " " and (not self.parts or self.parts[-1].endswith(("\n", " "))):
            return
        self.parts.append(words)

    def _line_end(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")

    def _table(self, table: Element, depth: int) -> bool:
        """The rows of a table; False for one that only lays the page out."""
        rows = [row for row in table.iter("tr") if _owner(row) is table]
        if any(True for inner in table.iter("table") if inner is not table):
            return False
        cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
        texts = {id(cell): self._cell(cell, depth) for row in cells for cell in row}
        if max(map(len, cells), default=0) < 2 or any(
            len(text) > _LONG_CELL
            and _PARAGRAPHS & {e.tag for e in cell.iter()} - {"td", "th", "p"}
            for row in cells
            for cell in row
            if (text := texts[id(cell)])
        ):
            return False
        lines = table_lines(_spanned(cells, texts))
        self._line_end()
        for caption in table.iter("caption"):
            self.parts.append(f"{cell_text(caption.text_content())}\n")
        self.parts += [f"{line}\n" for line in lines]
        self.tables += is_table(lines)
        return True

    def _cell(self, cell: Element, depth: int) -> str:
        inner = _Text()
        inner.block(cell, depth + 1)
        self.pictures += inner.pictures
        return cell_text("".join(inner.parts))


def _owner(row: Element) -> Element:
    parent = row.getparent()
    while parent is not None and parent.tag != "table":
        parent = parent.getparent()
    return parent


def _spanned(rows: list[list[Element]], texts: dict[int, str]) -> Iterator[list[str]]:
    """The texts of the cells; one that spans rows stands in each of them."""
    below: dict[int, tuple[int, str]] = {}  # column → rows still to fill, with what
    for row in rows:
        line: list[str] = []
        for cell in [*row, None]:
            while len(line) in below:
                left, text = below.pop(len(line))
                if left > 1:
                    below[len(line)] = (left - 1, text)
                line.append(text)
            if cell is None:
                break
            text = texts[id(cell)]
            height, width = _span(cell, "rowspan"), _span(cell, "colspan")
            for column in range(len(line), len(line) + width):
                if height > 1:
                    below[column] = (height - 1, text if column == len(line) else "")
            line += [text, *[""] * (width - 1)]
        yield line


def _span(cell: Element, name: str) -> int:
    value = (cell.get(name) or "").strip()
    return min(max(int(value), 1), _WIDEST) if value.isascii() and value.isdecimal() else 1


def _is_large(image: Element) -> bool:
    """Whether a picture may hold words: no dot, line or symbol."""
    sizes = [image.get(side) or "" for side in ("width", "height")]
    return not any(size.rstrip("px").isdecimal() and int(size.rstrip("px")) < 100 for size in sizes)


def _number(item: Element) -> str:
    """The number that a browser shows before an item of an ordered list."""
    parent = item.getparent()
    if parent is None or parent.tag != "ol" or _NUMBERED.match(item.text_content()):
        return ""
    count = _integer(parent.get("start"), 1) - 1
    for other in parent:
        if other.tag == "li":
            count = _integer(other.get("value"), count + 1)
        if other is item:
            break
    return f"{formatted(count, _LIST_STYLES.get(parent.get('type') or '1', 'decimal'))}. "


def _integer(text: str | None, default: int) -> int:
    text = (text or "").strip()
    return (
        int(text)
        if text.lstrip("-").isascii() and text.lstrip("-").isdecimal() and len(text) < 7
        else default
    )
