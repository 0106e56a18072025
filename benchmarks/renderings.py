"""A plain text policy as an office would publish it: a Word file, a PDF, a web page.

With all that does not belong to the text: headers, footers, page numbers, navigation, share bars.
Tabs between words are a table.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

SITE = "海澄市人民政府门户网站"
_NUMBER = re.compile(
    r"(?P<ideograph>[一二三四五六七八九十]{1,3})、|（(?P<bracket>[一二三四五六七八九十]{1,3})）"
)
_ORDINALS = {
    text: count
    for count, text in enumerate(
        "一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五 十六 十七 十八 十九 二十 二十一 二十二 二十三"
        " 二十四 二十五 二十六 二十七 二十八 二十九 三十".split(),
        1,
    )
}
_FORMATS = {"ideograph": "%1、", "bracket": "（%1）"}
_PAGE_STYLE = (
    """<style>.TRS_Editor P{margin:0}</style><script>var share = "分享到：微信";</script>"""
)
_BEFORE = f"""<div class="top-bar"><a href="/">首页</a> <a href="/login">登录</a></div>
<div class="header"><div class="logo">{SITE}</div></div>
<ul class="nav-list"><li><a href="/zwgk">政务公开</a></li><li><a href="/bsfw">办事服务</a></li></ul>
<div class="crumb">您当前的位置：<a href="/">首页</a> &gt; <a href="/zcwj">政策文件</a></div>"""
_AFTER = """<div class="share">分享到：<a href="#">微信</a><a href="#">微博</a></div>
<div class="ewm"><img src="http://gov.invalid/ewm.png" width="120"><p>扫一扫在手机打开当前页</p></div>
<p>【打印本页】【关闭窗口】</p><div class="related"><h3>相关文件</h3><ul><li><a href="1.html">关于夜市的通知</a></li>
<li><a href="2.html">夜市通知的图解</a></li></ul></div>
<div class="footer">主办：海澄市人民政府办公室 版权所有 网站标识码：3700000001</div>"""


def blocks(text: str) -> Iterator[tuple[bool, list[str]]]:
    """The paragraphs of a text, and the rows of its tables as one block each."""
    lines = (line for line in text.split("\n") if line.strip())
    for is_table, group in groupby(lines, key=lambda line: "\t" in line):
        if is_table:
            yield True, list(group)
        else:
            yield from ((False, [line]) for line in group)


def as_html(text: str) -> bytes:
    """A page of a government's web site in GB2312, as it declares."""
    parts = []
    for is_table, lines in blocks(text):
        if is_table:
            rows = (
                "".join(f"<td>{html.escape(cell)}</td>" for cell in line.split("\t"))
                for line in lines
            )
            parts.append(
                f"<table border=1><tbody><tr>{'</tr><tr>'.join(rows)}</tr></tbody></table>"
            )
        else:
            parts.append(
                f"<p style='text-indent:2em'>&nbsp;&nbsp;<span>{html.escape(lines[0].strip())}</span></p>"
            )
    body = f'<div class="main"><div class="TRS_Editor">{"".join(parts)}</div></div>'
    page = (
        f'<!DOCTYPE html><html><head><meta charset="gb18030"><title>{SITE}</title>{_PAGE_STYLE}</head>'
        f"<body>{_BEFORE}{body}{_AFTER}</body></html>"
    )
    return page.encode("gb18030")


def as_docx(text: str, *, automatic: bool = False) -> bytes:
    """A Word file; with ``automatic`` numbers its 一、 and （一） are computed by Word."""
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = SITE
    document.sections[0].footer.paragraphs[0].text = "第 1 页 共 9 页"
    lists = _Lists(document) if automatic else None
    for index, (is_table, lines) in enumerate(blocks(text)):
        if is_table:
            rows = [line.split("\t") for line in lines]
            table = document.add_table(len(rows), max(map(len, rows)))
            for row, cells in zip(table.rows, rows, strict=True):
                for cell, words in zip(row.cells, cells, strict=False):
                    cell.text = words
        else:
            paragraph = document.add_paragraph()
            words = lists.numbered(paragraph, lines[0].strip()) if lists else lines[0].strip()
            for start in range(0, len(words), 7):  # as an editor that was often at work leaves it
                paragraph.add_run(words[start : start + 7])
            if not index:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


class _Lists:
    """The numbers 一、 and （一） as lists of Word, each restarted where the text does."""

    def __init__(self, document: Any) -> None:
        self._root = document.part.numbering_part.element
        self._next = 900
        self._last: dict[str, tuple[int, int]] = {}

    def numbered(self, paragraph: Any, words: str) -> str:
        """Makes a paragraph one of a list where it has a number; returns the words without it."""
        match = _NUMBER.match(words)
        if not match:
            return words
        style = match.lastgroup or ""
        ordinal = _ORDINALS.get(match.group(style), 0)
        listed, before = self._last.get(style, (0, -1))
        if not ordinal:
            return words
        if ordinal != before + 1 or not listed:
            listed = self._add(_FORMATS[style], ordinal)
        self._last[style] = (listed, ordinal)
        properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
        properties.get_or_add_ilvl().val = 0
        properties.get_or_add_numId().val = listed
        return words[match.end() :]

    def _add(self, form: str, start: int) -> int:
        from docx.oxml import parse_xml
        from docx.oxml.ns import nsdecls

        self._next += 1
        abstract = parse_xml(
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{self._next}"><w:lvl w:ilvl="0">'
            f'<w:start w:val="{start}"/><w:numFmt w:val="chineseCountingThousand"/>'
            f'<w:suff w:val="nothing"/><w:lvlText w:val="{form}"/></w:lvl></w:abstractNum>'
        )
        number = parse_xml(
            f'<w:num {nsdecls("w")} w:numId="{self._next}"><w:abstractNumId w:val="{self._next}"/></w:num>'
        )
        self._root.insert(0, abstract)
        self._root.append(number)
        return self._next


def as_docx_with_automatic_numbers(text: str) -> bytes:
    """A Word file whose clauses are numbered by Word."""
    return as_docx(text, automatic=True)


def as_pdf(text: str) -> bytes:
    """A PDF of A4 pages with header and page numbers, its paragraphs set in by two characters."""
    from reportlab.lib.enums import TA_JUSTIFY
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import cm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    korean = bool(re.search("[가-힣]{2}", text))
    font = "HYSMyeongJo-Medium" if korean else "STSong-Light"
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    western = not re.search("[\u4e00-\u9fff]{4}", text)
    body = ParagraphStyle(
        "body", fontName=font, fontSize=12, leading=20, firstLineIndent=24,
        wordWrap=None if western else "CJK", alignment=TA_JUSTIFY,
    )  # fmt: skip
    cell = ParagraphStyle("cell", fontName=font, fontSize=10, leading=13, wordWrap="CJK")
    title = ParagraphStyle(
        "title", parent=body, fontSize=18, leading=28, firstLineIndent=0, alignment=1
    )

    def frame(canvas: Any, document: Any) -> None:
        canvas.setFont(font, 9)
        canvas.drawString(2.8 * cm, 28.2 * cm, SITE)
        canvas.drawCentredString(10.5 * cm, 1.3 * cm, f"— {document.page} —")

    story: list[Any] = []
    for index, (is_table, lines) in enumerate(blocks(text)):
        if is_table:
            rows = [[Paragraph(html.escape(c), cell) for c in line.split("\t")] for line in lines]
            story += [Table(rows, style=[("GRID", (0, 0), (-1, -1), 0.5, "black")]), Spacer(1, 12)]
        else:
            story.append(Paragraph(html.escape(lines[0].strip()), body if index else title))
    file = io.BytesIO()
    SimpleDocTemplate(file, leftMargin=2.8 * cm, rightMargin=2.8 * cm, invariant=True).build(
        story, onFirstPage=frame, onLaterPages=frame
    )
    return file.getvalue()


RENDERINGS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "docx": (".docx", as_docx),
    "docx, automatic numbers": (".docx", as_docx_with_automatic_numbers),
    "pdf": (".pdf", as_pdf),
    "html": (".html", as_html),
}
"""By name: the ending of the file, and what makes its bytes of a text."""
