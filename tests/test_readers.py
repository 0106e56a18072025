"""Files of every format: the text that is read, what is left out of it, what is refused."""

from __future__ import annotations

import io
import socket
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.renderings import RENDERINGS, as_docx, as_html, as_pdf
from qa.clauses import split
from qa.corpus import make_document
from qa.errors import CorpusError
from qa.readers import FORMATS, Reading, read
from qa.readers.numbering import formatted
from qa.readers.residue import is_residue

POLICY = """棠溪市扶持陶瓷出口若干措施
为支持窑厂走出去，制定本措施。
一、补助参展费用。对参加境外陶瓷展的窑厂，按展位费的百分之七十给予补助，每家每年最高不超过十万元，同一展会只补助一次。（责任单位：市商务局、市财政局）
二、支持出口投保。对投保出口信用保险的窑厂，按保费的一半给予补助。（责任单位：市商务局）
（一）首次投保的，另给予一千元奖励，由保险机构直接抵扣，窑厂无需另行申请，所需资金由市财政在外贸发展专项资金中统筹安排，年底统一结算。
（二）连续投保三年的，保费全额补助。
三、本措施自发布之日起施行。
"""
TABLED = """夜市摊位收费标准
序号\t摊位\t月租\t收费单位
1\t熟食摊\t三百元\t市夜市管理中心
2\t百货摊\t二百元\t市夜市管理中心
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    """Writes a file and returns its path."""

    def written(name: str, contents: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return path

    return written


Write = Callable[[str, bytes | str], Path]


def lines(text: str) -> list[str]:
    """The lines of a text that have something in them, without white space at their ends."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def refused(path: Path) -> CorpusError:
    with pytest.raises(CorpusError) as caught:
        read(path)
    return caught.value


# --- one text from every format


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a_policy_reads_alike_in_every_format(rendering: str, write: Write) -> None:
    ending, render = RENDERINGS[rendering]
    reading = read(write(f"policy{ending}", render(POLICY)))
    assert lines(reading.text) == lines(POLICY)
    assert reading.format == ending[1:]
    assert split(make_document("d", reading.text)) == split(make_document("d", reading.text))
    assert [clause.number for clause in split(make_document("d", reading.text))] == [
        clause.number for clause in split(make_document("d", POLICY))
    ]


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a_table_keeps_its_rows_and_cells(rendering: str, write: Write) -> None:
    ending, render = RENDERINGS[rendering]
    reading = read(write(f"policy{ending}", render(TABLED)))
    assert lines(reading.text) == lines(TABLED)
    assert reading.tables == 1


def test_the_ending_may_be_in_capitals(write: Write) -> None:
    assert read(write("POLICY.TXT", POLICY)).text == POLICY
    assert read(write("POLICY.DocX", as_docx(POLICY))).format == "docx"


def test_headers_and_page_numbers_are_removed(write: Write) -> None:
    long = (
        POLICY
        + "".join(
            f"{n}、窑厂应当每季度向市商务局报送第{n}类产品的出口情况。\n" for n in "四五六七八九"
        )
        * 12
    )
    reading = read(write("policy.pdf", as_pdf(long)))
    assert lines(reading.text) == lines(long)
    assert reading.characters > len("".join(long.split()))


# --- text


@pytest.mark.parametrize(
    ("encoding", "bom", "name"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8"),
        ("utf-16-le", b"\xff\xfe", "utf-16-le"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("gb18030", b"", "gb18030"),
        ("gbk", b"", "gb18030"),
    ],
)
@pytest.mark.parametrize(
    "text",
    ["各区县人民政府，市政府各部门：", "第一条 摊位费每月三百元。", POLICY, "关于夜市的通知\n"],
)
def test_short_texts_are_read_in_the_encoding_that_wrote_them(
    encoding: str, bom: bytes, name: str, text: str, write: Write
) -> None:
    reading = read(write("policy.txt", bom + text.encode(encoding)))
    assert (reading.text, reading.encoding, reading.remarks) == (text, name, ())


@pytest.mark.parametrize("text", ["關於夜市攤位管理的通知", "補助展位費，每年最高十萬元。"])
def test_traditional_texts_in_big5_are_not_taken_for_gb18030(text: str, write: Write) -> None:
    reading = read(write("policy.txt", text.encode("big5")))
    assert (reading.text, reading.encoding) == (text, "big5hkscs")


def test_korean_texts_in_cp949_are_read(write: Write) -> None:
    text = "야시장 관리 조치\n제1조 자릿세는 매월 삼만원으로 한다."
    reading = read(write("policy.txt", text.encode("cp949")))
    assert (reading.text, reading.encoding) == (text, "cp949")


def test_radicals_that_a_printer_wrote_become_the_characters_that_they_show(write: Write) -> None:
    assert read(write("policy.txt", "⼀、⼈⺠政府⻓⾈⼾⻔")).text == "一、人民政府长舟户门"


def test_a_few_damaged_characters_are_replaced_and_told(write: Write) -> None:
    data = bytearray((POLICY * 5).encode())
    data[300] = 0xFF
    reading = read(write("policy.txt", bytes(data)))
    assert reading.encoding == "utf-8"
    assert [remark.key for remark in reading.remarks] == ["repaired"]
    assert reading.text.count("\ufffd") > 0
    assert reading.text.endswith(POLICY)


@pytest.mark.parametrize(
    "line", ["扫一扫在手机打开当前页", "分享到：微信", "【打印本页】【关闭窗口】", "浏览次数：123次", "您当前的位置：首页 > 政策"]
)  # fmt: skip
def test_lines_that_a_web_page_leaves_are_removed(line: str, write: Write) -> None:
    reading = read(write("policy.txt", f"一、补助参展。\n{line}\n二、支持投保。\n"))
    assert reading.text == "一、补助参展。\n二、支持投保。\n"
    assert reading.characters > len(reading.text)


@pytest.mark.parametrize(
    "line", ["主办单位：市商务局", "推广扫一扫付款的商户补助一千元。", "位置：棠溪市陶瓷大道", "下载", "打印机补助", "关闭摊位的条件"]
)  # fmt: skip
def test_lines_of_a_policy_are_no_residue(line: str) -> None:
    assert not is_residue(line) or line == "下载"


# --- Word


def numbered_docx(levels: list[tuple[str, str]], paragraphs: list[tuple[int, str]]) -> bytes:
    """A Word file with a list of several levels; a negative level is a plain paragraph."""
    import docx
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = docx.Document()
    inner = "".join(
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{style}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for depth, (style, text) in enumerate(levels)
    )
    root = document.part.numbering_part.element
    root.insert(
        0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{inner}</w:abstractNum>')
    )
    root.append(
        parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>')
    )
    for depth, words in paragraphs:
        paragraph = document.add_paragraph(words)
        if depth >= 0:
            properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
            properties.get_or_add_ilvl().val = depth
            properties.get_or_add_numId().val = 77
    return saved(document)


def saved(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def edited(data: bytes, name: str, change: Callable[[str], str]) -> bytes:
    """An archive with one member changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            contents = old.read(member)
            new.writestr(member, change(contents.decode()) if member == name else contents)
    return out.getvalue()


def test_numbers_that_word_computes_are_written_into_the_text(write: Write) -> None:
    data = numbered_docx(
        [("chineseCountingThousand", "%1、"), ("chineseCounting", "（%2）"), ("decimal", "%2.%3")],
        [(0, "摊位"), (1, "租金"), (2, "每月三百元"), (2, "按季缴纳"), (1, "押金"), (2, "一千元"), (-1, "插入的段落"), (0, "卫生"), (1, "垃圾")],
    )  # fmt: skip
    reading = read(write("policy.docx", data))
    assert lines(reading.text) == [
        "一、摊位", "（一）租金", "一.1 每月三百元", "一.2 按季缴纳", "（二）押金", "二.1 一千元", "插入的段落", "二、卫生", "（一）垃圾",
    ]  # fmt: skip
    assert ("numbering", (("count", "8"),)) in [(r.key, r.values) for r in reading.remarks]


@pytest.mark.parametrize(
    ("style", "printed"),
    [
        ("decimal", ["1", "10", "21"]),
        ("chineseCounting", ["一", "十", "二十一"]),
        ("decimalEnclosedCircle", ["①", "⑩", "21"]),
        ("lowerLetter", ["a", "j", "u"]),
        ("upperRoman", ["I", "X", "XXI"]),
        ("ganada", ["가", "차", "사"]),
        ("ideographTraditional", ["甲", "癸", "甲"]),
        ("decimalZero", ["01", "10", "21"]),
        ("a style of the future", ["1", "10", "21"]),
    ],
)
def test_numbers_have_the_format_of_their_list(style: str, printed: list[str]) -> None:
    assert [formatted(count, style) for count in (1, 10, 21)] == printed


def test_what_a_tracked_change_deletes_is_left_out_and_what_it_inserts_is_not(write: Write) -> None:
    data = edited(
        as_docx("一、补助十万元。"),
        "word/document.xml",
        lambda xml: xml.replace(
            "</w:p>",
            '<w:del w:id="1" w:author="a"><w:r><w:delText>旧的</w:delText></w:r></w:del>'
            '<w:ins w:id="2" w:author="a"><w:r><w:t>新的。</w:t></w:r></w:ins></w:p>',
            1,
        ),
    )
    reading = read(write("policy.docx", data))
    assert reading.text == "一、补助十万元。新的。"
    assert ("deletions", (("count", "1"),)) in [(r.key, r.values) for r in reading.remarks]


def test_cells_merged_in_word_stand_in_each_of_their_rows(write: Write) -> None:
    import docx

    document = docx.Document()
    table = document.add_table(3, 3)
    for row, cells in enumerate(
        [["事项", "标准", "责任单位"], ["参展", "十万元", "市商务局"], ["投保", "五万元", ""]]
    ):
        for column, words in enumerate(cells):
            table.cell(row, column).text = words
    table.cell(1, 2).merge(table.cell(2, 2))
    reading = read(write("policy.docx", saved(document)))
    assert lines(reading.text) == [
        "事项\t标准\t责任单位",
        "参展\t十万元\t市商务局",
        "投保\t五万元\t市商务局",
    ]


def test_a_frame_of_one_cell_is_no_table(write: Write) -> None:
    import docx

    document = docx.Document()
    document.add_table(1, 1).cell(0, 0).text = "一、补助。\n二、投保。"
    reading = read(write("policy.docx", saved(document)))
    assert (lines(reading.text), reading.tables) == (["一、补助。", "二、投保。"], 0)


def test_contents_headers_and_hidden_words_of_word_are_left_out(write: Write) -> None:
    import docx
    from docx.enum.style import WD_STYLE_TYPE

    document = docx.Document()
    document.styles.add_style("toc 1", WD_STYLE_TYPE.PARAGRAPH)
    document.sections[0].header.paragraphs[0].text = "页眉"
    document.add_paragraph("一、摊位	1", style="toc 1")
    document.add_paragraph("一、摊位").add_run("隐藏的字").font.hidden = True
    reading = read(write("policy.docx", saved(document)))
    assert reading.text == "一、摊位"
    assert reading.characters > 4


def test_the_title_of_the_file_is_given(write: Write) -> None:
    import docx

    document = docx.Document()
    document.core_properties.title = "夜市管理办法"
    document.add_paragraph("摊位费每月三百元。")
    assert read(write("policy.docx", saved(document))).title == "夜市管理办法"


# --- PDF


def test_a_table_that_goes_on_over_a_page_is_one(write: Write) -> None:
    rows = "".join(f"{n}\t第{n}类熟食摊\t三百元\t市夜市管理中心\n" for n in range(1, 61))
    text = f"夜市收费标准\n序号\t摊位\t月租\t收费单位\n{rows}"
    reading = read(write("policy.pdf", as_pdf(text)))
    assert (lines(reading.text), reading.tables) == (lines(text), 1)


def test_words_of_a_western_paragraph_are_joined_with_blanks(write: Write) -> None:
    text = (
        "Night Market Measures of Tangxi\n"
        + "1. "
        + "Stalls are let by the month to residents. " * 9
    )
    assert lines(read(write("policy.pdf", as_pdf(text))).text) == lines(text)


def pdf_of_pictures(password: str = "", words: str = "") -> bytes:
    """A PDF of two pages, both of a picture; words, if any, stand on the first."""
    from PIL import Image
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    encrypt = StandardEncryption(password, ownerPassword="owner") if password else None
    canvas = Canvas(file, encrypt=encrypt, invariant=True)
    for _ in range(2):
        canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "white")), 0, 0, 500, 700)
        if words and canvas.getPageNumber() == 1:
            canvas.drawString(50, 500, words)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def test_a_scan_is_refused_with_its_remedy(write: Write) -> None:
    error = refused(write("scan.pdf", pdf_of_pictures()))
    assert error.what == "is a scan: its 2 page(s) are pictures without text"
    assert "text recognition (OCR)" in error.remedy


def test_pages_without_text_are_named(write: Write) -> None:
    reading = read(write("policy.pdf", pdf_of_pictures(words="1. Stalls are let by the month.")))
    assert reading.text == "1. Stalls are let by the month."
    assert [(r.key, r.values) for r in reading.remarks] == [
        ("pages_without_text", (("pages", "2"),))
    ]


def pdf_of_columns(left: Sequence[str], right: Sequence[str], title: str = "") -> bytes:
    """A PDF of one page with lines side by side, below a title."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    file = io.BytesIO()
    canvas = Canvas(file, invariant=True)
    canvas.setFont("STSong-Light", 18)
    canvas.drawCentredString(297, 780, title)
    canvas.setFont("STSong-Light", 12)
    for x, lines_ in ((60, left), (320, right)):
        for place, line in enumerate(lines_):
            canvas.drawString(x, 740 - 20 * place, line)
    canvas.save()
    return file.getvalue()


LEFT = "一、窑厂改造，按照投资额的百分之四十给予补贴，每家企业全年最高不超过二十万元。" * 4
RIGHT = "二、灯会摊位由市商务局按月出租，租金全免的期限自批准之日起算，不得转租他人。" * 4


def test_two_columns_are_read_one_after_the_other(write: Write) -> None:
    left, right = ([text[i : i + 18] for i in range(0, len(text), 18)] for text in (LEFT, RIGHT))
    reading = read(write("policy.pdf", pdf_of_columns(left, right, "棠溪市窑厂扶持办法")))
    assert reading.text.replace("\n", "") == f"棠溪市窑厂扶持办法{LEFT}{RIGHT}"
    assert reading.remarks == ()


def test_a_table_without_rules_is_read_by_lines_and_named(write: Write) -> None:
    data = pdf_of_columns(
        ["参展补贴", "改造奖励", "贷款贴息", "用电优惠"] * 3, ["市商务局", "市财政局"] * 6
    )
    reading = read(write("policy.pdf", data))
    assert [(r.key, r.values) for r in reading.remarks] == [("loose_tables", (("pages", "1"),))]
    assert "参展补贴" in lines(reading.text)[0]
    assert "市商务局" in lines(reading.text)[0]


def test_a_password_is_named(write: Write) -> None:
    error = refused(write("secret.pdf", pdf_of_pictures("secret", "1. Stalls.")))
    assert (error.reason, error.remedy) == ("password", "remove the password and save it again")


# --- web pages


def test_only_the_main_text_of_a_page_is_read(write: Write) -> None:
    reading = read(write("policy.html", as_html(POLICY)))
    for residue in (
        "登录",
        "政务公开",
        "分享到",
        "扫一扫",
        "打印",
        "相关文件",
        "夜市通知的图解",
        "版权所有",
        "margin",
    ):
        assert residue not in reading.text
    assert reading.characters > len("".join(POLICY.split()))


def test_scripts_comments_and_what_is_hidden_are_never_read(write: Write) -> None:
    page = (
        "<html><body><!-- 注释 --><script>'脚本'</script><style>p{样式}</style><p>一、摊位。</p>"
        "<p style='display: none'>隐藏</p><noscript>没有脚本</noscript><p>二、卫生。</p></body></html>"
    )
    assert lines(read(write("policy.htm", page)).text) == ["一、摊位。", "二、卫生。"]


def test_a_heading_outside_the_text_is_its_first_line(write: Write) -> None:
    body = "".join(f"<p>{line}</p>" for line in lines(POLICY)[1:])
    page = (
        f"<body><div class='header'><h1>棠溪市夜市办法</h1></div><div id='zoom'>{body}</div></body>"
    )
    assert lines(read(write("policy.html", page)).text) == ["棠溪市夜市办法", *lines(POLICY)[1:]]


def test_what_a_page_says_of_its_policy_is_kept(write: Write) -> None:
    imprint = "<table><tr><td>发文机关：<td>棠溪市政府<td>文号：<td>棠政发〔2031〕7号</tr></table>"
    body = "".join(f"<p>{line}</p>" for line in lines(POLICY))
    page = (
        f"<body><div class='nav'>首页</div><div>{imprint}</div><div id='zoom'>{body}</div></body>"
    )
    reading = read(write("policy.html", page))
    assert lines(reading.text) == [
        "发文机关：\t棠溪市政府\t文号：\t棠政发〔2031〕7号",
        *lines(POLICY),
    ]


def test_lists_of_a_page_have_the_numbers_that_a_browser_shows(write: Write) -> None:
    page = (
        "<body><ol start=3><li>租金</li><li value=7>押金</li></ol><ul><li>垃圾</li></ul>"
        "<ol><li>一、已有编号</li></ol></body>"
    )
    assert lines(read(write("policy.html", page)).text) == [
        "3. 租金",
        "7. 押金",
        "垃圾",
        "一、已有编号",
    ]


def test_cells_that_span_rows_stand_in_each_of_them(write: Write) -> None:
    page = (
        "<table><tr><th>事项<th>标准<th>单位</tr><tr><td>参展<td>十万元<td rowspan=2>市商务局</tr>"
        "<tr><td>投保<td>五万元</tr></table>"
    )
    reading = read(write("policy.html", f"<body>{page}</body>"))
    assert lines(reading.text) == [
        "事项\t标准\t单位",
        "参展\t十万元\t市商务局",
        "投保\t五万元\t市商务局",
    ]


def test_a_table_that_lays_a_page_out_is_read_as_paragraphs(write: Write) -> None:
    inner = "<table><tr><td>摊位<td>月租</tr><tr><td>熟食<td>三百元</tr></table>"
    page = f"<body><table><tr><td>栏目<td><p>一、收费。</p>{inner}<p>二、卫生。</p></tr></table></body>"
    assert lines(read(write("policy.html", page)).text) == [
        "栏目",
        "一、收费。",
        "摊位\t月租",
        "熟食\t三百元",
        "二、卫生。",
    ]


@pytest.mark.parametrize("declared", ["gb2312", "utf-8", "big5", "nonsense"])
def test_a_page_is_read_even_where_it_declares_a_wrong_encoding(
    declared: str, write: Write
) -> None:
    page = f"<html><head><meta charset={declared}></head><body><pre>{POLICY}</pre></body></html>"
    reading = read(write("policy.html", page.encode("gb18030")))
    assert (lines(reading.text)[0], reading.encoding) == (POLICY.split("\n")[0], "gb18030")


# --- Markdown, EPUB


def test_markdown_is_read_without_its_marks_and_with_its_numbers(write: Write) -> None:
    text = (
        "---\ntitle: 夜市办法\n---\n# 夜市管理办法\n\n**一、摊位。** 每月[三百元](http://x.invalid)。\n\n"
        "3) 押金\n4) 租金\n\n- 垃圾\n\n    　　缩进的段落\n\n| 摊位 | 月租 |\n|---|---|\n| 熟食 | 三百元 |\n"
    )
    reading = read(write("policy.md", text))
    assert reading.title == "夜市办法"
    assert lines(reading.text) == ["夜市管理办法", "一、摊位。 每月三百元。", "3) 押金", "4) 租金", "垃圾", "缩进的段落", "摊位\t月租", "熟食\t三百元"]  # fmt: skip


def epub(chapters: list[str], declaration: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
            "<rootfile full-path='OEBPS/book.opf'/></rootfiles></container>",
        )
        items = "".join(f"<item id='c{n}' href='c%20{n}.xhtml'/>" for n in range(len(chapters)))
        spine = "".join(f"<itemref idref='c{n}'/>" for n in reversed(range(len(chapters))))
        archive.writestr(
            "OEBPS/book.opf",
            f"{declaration}<package xmlns='http://www.idpf.org/2007/opf' xmlns:dc='http://purl.org/dc/elements/1.1/'>"
            f"<metadata><dc:title>夜市手册</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>",
        )
        for number, chapter in enumerate(chapters):
            archive.writestr(f"OEBPS/c {number}.xhtml", f"<html><body>{chapter}</body></html>")
    return file.getvalue()


def test_the_chapters_of_a_book_are_read_in_their_order(write: Write) -> None:
    reading = read(
        write("policy.epub", epub(["<p>二、卫生。</p>", "<h1>办法</h1><p>一、摊位。</p>"]))
    )
    assert lines(reading.text) == ["办法", "一、摊位。", "二、卫生。"]
    assert (reading.title, reading.format) == ("夜市手册", "epub")


# --- sheets


def workbook(change: Callable[[Any], object] | None = None) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["夜市惠民清单"],
        ["序号", "事项", "标准", "责任单位"],
        [1, "熟食摊减租", 0.3, "市商务局、市财政局"],
        [2, "雨天补助", "每天五十元。\n次日发放。", "市商务局"],
    ):
        sheet.append(row)
    sheet["C3"].number_format = "0%"
    if change:
        change(sheet)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


ROWS = [
    "夜市惠民清单",
    "序号：1\n事项：熟食摊减租\n标准：30%\n责任单位：市商务局、市财政局",
    "序号：2\n事项：雨天补助\n标准：每天五十元。\n次日发放。\n责任单位：市商务局",
]


def test_each_row_of_a_sheet_is_a_clause_with_its_departments(write: Write) -> None:
    reading = read(write("policy.xlsx", workbook()))
    assert reading.text.split("\n\n") == ROWS
    document = make_document("d", reading.text)
    clauses = split(document)
    assert [(c.number, c.title, c.text, c.departments) for c in clauses] == [
        ("1", "熟食摊减租", ROWS[1], ("市商务局", "市财政局")),
        ("2", "雨天补助", ROWS[2], ("市商务局",)),
    ]
    assert clauses[1].wording() == "标准：每天五十元。\n次日发放。"
    assert all(document.text[c.start : c.end] == c.text for c in clauses)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_each_row_of_a_csv_file_is_a_clause(encoding: str, delimiter: str, write: Write) -> None:
    rows = [
        ["序号", "事项", "标准", "责任单位"],
        ["1", "熟食摊减租", "30%", "市商务局、市财政局"],
        ["2", "雨天补助", '"每天五十元。\n次日发放。"', "市商务局"],
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    reading = read(write("policy.csv", text.encode(encoding)))
    assert reading.text.split("\n\n") == ROWS[1:]


def test_a_cell_merged_over_rows_stands_in_each_of_them(write: Write) -> None:
    reading = read(write("policy.xlsx", workbook(lambda sheet: sheet.merge_cells("D3:D4"))))
    assert reading.text.count("责任单位：市商务局、市财政局") == 2


def test_hidden_sheets_and_formulas_without_result_are_told(write: Write) -> None:
    def change(sheet: Any) -> None:
        sheet["C4"] = "=1+1"
        sheet.parent.create_sheet("底稿").sheet_state = "hidden"

    reading = read(write("policy.xlsx", workbook(change)))
    assert [(r.key, r.values) for r in reading.remarks] == [
        ("sheets_hidden", (("names", "底稿"),)),
        ("formulas", (("count", "1"),)),
    ]


def test_rows_without_names_of_columns_stay_a_table(write: Write) -> None:
    reading = read(write("policy.csv", "1,熟食摊,300\n2,百货摊,200\n"))
    assert reading.text == "1\t熟食摊\t300\n2\t百货摊\t200"
    assert [remark.key for remark in reading.remarks] == ["no_header"]


# --- what is refused, and how


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("name", "contents", "reason", "remedy"),
    [
        ("old.doc", OLE, "convert", "open it and save it as .docx"),
        ("old.wps", OLE, "convert", "save it as .docx"),
        ("old.xls", OLE, "convert", "save it as .xlsx"),
        ("text.rtf", b"{\\rtf1 x}", "convert", "save it as .docx"),
        ("form.ofd", b"PK\x03\x04 OFD.xml", "convert", ".pdf / .docx"),
        ("macro.docm", as_docx("一、摊位。"), "convert", "save it as .docx"),
        ("renamed.docx", OLE, "convert", "save it as .docx"),
        ("locked.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "password", "remove the password"),
        ("photo.png", b"\x89PNG\r\n\x1a\n..", "picture", "OCR"),
        ("photo.txt", b"\xff\xd8\xff\xe0..", "picture", "OCR"),
        ("all.zip", b"PK\x03\x04..", "archive", "unpack it"),
        ("all.rar", b"Rar!\x1a\x07..", "archive", "unpack it"),
        ("policy.txt", b"%PDF-1.7 ..", "other_type", "rename it so that it ends in .pdf"),
        ("policy.pdf", as_docx("一、摊位。"), "other_type", "ends in .docx"),
        ("policy.doc", b"<html><body>x", "other_type", "ends in .html"),
        ("policy.txt", b"<!DOCTYPE html><p>x", "other_type", "ends in .html"),
        ("policy.pdf", "夜市".encode(), "mislabelled", "save it as .pdf"),
        ("policy.docx", b"PK\x03\x04 nothing", "mislabelled", "save it as .docx"),
        ("policy.pdf", b"%PDF-1.7 cut off", "damaged", "get the file again"),
        ("policy.docx", as_docx("一、摊位。")[:-900], "damaged", "get the file again"),
        ("empty.txt", b"", "empty", "put the text of the policy into it"),
        ("empty.docx", as_docx(""), "empty", "put the text of the policy into it"),
        ("empty.html", b"<html><body></body></html>", "empty", "put the text"),
        ("blank.txt", b"\xef\xbb\xbf \n\n", "empty", "put the text"),
        ("noise.txt", bytes(range(256)) * 4, "no_text", "UTF-8"),
        ("policy.xyz", "夜市".encode(), "unknown", "save it as .docx"),
        ("policy", "夜市".encode(), "unknown", "save it as .docx"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_reason_and_remedy(
    name: str, contents: bytes, reason: str, remedy: str, write: Write
) -> None:
    error = refused(write(name, contents))
    assert error.reason == reason
    assert remedy in error.remedy
    assert error.where.endswith(name)


def zipped(name: str, contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<a/>")
        archive.writestr(name, contents)
    return file.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(write: Write) -> None:
    error = refused(write("bomb.docx", zipped("word/media/bomb.xml", b"\0" * 50_000_000)))
    assert error.reason == "bomb"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_word_file_that_declares_entities_is_refused(encoding: str, write: Write) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    error = refused(write("xxe.docx", zipped("word/styles.xml", bomb.encode(encoding))))
    assert error.reason == "entities"


def test_a_book_does_not_resolve_entities(write: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("机密", encoding="utf-8")
    declaration = f'<!DOCTYPE p [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    book = epub([f"{declaration}<p>一、摊位。&x;</p>"], declaration)
    assert "机密" not in read(write("policy.epub", book)).text


def test_a_file_beyond_the_limit_is_refused_with_the_limit(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.readers.LARGEST_FILE", 1000)
    error = refused(write("big.txt", "夜市" * 1000))
    assert (error.reason, error.values["limit"]) == ("too_large", "100")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Any use of the network is an error."""

    def refuse(*_arguments: object, **_keywords: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield


@pytest.mark.usefixtures("no_network")
def test_nothing_that_a_file_refers_to_is_fetched(write: Write) -> None:
    relation = (
        '<Relationship Id="rIdX" TargetMode="External" Target="http://attacker.invalid/t.dotx" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"/>'
    )
    document = edited(
        as_docx("一、摊位。"),
        "word/_rels/document.xml.rels",
        lambda xml: xml.replace("</Relationships>", f"{relation}</Relationships>"),
    )
    assert read(write("policy.docx", document)).text == "一、摊位。"
    page = (
        "<!DOCTYPE html PUBLIC '-//X' 'http://attacker.invalid/x.dtd'><html><head>"
        "<link rel=stylesheet href=http://attacker.invalid/x.css><base href=http://attacker.invalid></head>"
        "<body><p>一、摊位。<img src=http://attacker.invalid/x.png></p><iframe src=http://attacker.invalid></iframe>"
    )
    assert read(write("policy.html", page)).text == "一、摊位。"
    book = epub(["<p>一、摊位。<img src='http://attacker.invalid/x'/></p>"])
    assert read(write("policy.epub", book)).text == "一、摊位。"


GENUINE = {
    ".docx": as_docx(POLICY),
    ".pdf": as_pdf(TABLED),
    ".html": as_html(POLICY),
    ".xlsx": workbook(),
    ".epub": epub(["<p>一、摊位。</p>"]),
    ".csv": "序号,事项\n1,摊位\n".encode(),
}


@settings(max_examples=150, deadline=10_000, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_file_holds_it_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ending = data.draw(st.sampled_from([*FORMATS, ".doc", ".png", ""]))
    contents = data.draw(st.binary(max_size=300))
    genuine = GENUINE.get(ending)
    if genuine and data.draw(st.booleans()):  # a real file with a few bytes changed
        damaged = bytearray(genuine)
        for place in data.draw(st.lists(st.integers(0, len(genuine) - 1), max_size=6)):
            damaged[place] = data.draw(st.integers(0, 255))
        contents = bytes(damaged[: data.draw(st.integers(len(genuine) // 2, len(genuine)))])
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(contents)
    try:
        reading = read(path)
    except CorpusError as error:
        assert error.reason
        assert str(path) in str(error)
        assert error.remedy
    else:
        assert isinstance(reading, Reading)
        assert reading.text.strip()
        assert "\r" not in reading.text
        assert "\0" not in reading.text
