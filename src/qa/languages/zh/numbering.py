"""How Chinese policy documents are numbered.

The official order of levels is 一、（一） 1. （1） (国家行政机关公文格式, GB/T 9704, 7.3.3), and
第X章, 第X条 in regulations; documents nest them in other orders too, so no order is fixed here.
"""

from __future__ import annotations

import re
import unicodedata

from qa.languages.grammar import ARTICLE, MarkerKind, Numbering
from qa.languages.zh.script import both
from qa.layout import FILLER

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_NUMERAL = "[一二三四五六七八九十百千零〇两]{1,9}"
_ARABIC = "[0-9０-９]{1,3}"
_SPACE = rf"[ \u3000{FILLER}]?"


def numeral(printed: str) -> int:
    """Read the Chinese or Arabic numeral in a printed number; 0 where there is none.

    >>> numeral("第一百零二条"), numeral("（二十）"), numeral("12")
    (102, 20, 12)
    """
    digits = re.search("[0-9０-９]+", printed)
    if digits:
        return int(digits.group())
    total = current = 0
    for char in re.sub("之.*", "", printed):
        if char in _UNITS:
            total += (current or 1) * _UNITS[char]
            current = 0
        elif char in _DIGITS:
            current = _DIGITS[char]
    return total + current


def symbol(printed: str) -> int:
    """Read a number that is one character: ``①`` is 1, ``㈡`` is 2, ``⑴`` is 1."""
    char = ord(printed[0])
    for first, last, value in ((0x2460, 0x2473, 1), (0x3251, 0x325F, 21), (0x2474, 0x2487, 1)):
        if first <= char <= last:
            return char - first + value
    return char - 0x3220 + 1 if 0x3220 <= char <= 0x3229 else 0


def formal(printed: str) -> int:
    """Read a numeral of the formal script: ``叁`` is 3, ``拾贰`` is 12."""
    plain = printed.translate(
        str.maketrans("壹贰貳叁參肆伍陆陸柒捌玖拾", "一二二三三四五六六七八九十")
    )
    return numeral(plain)


def roman(printed: str) -> int:
    """Read a Roman numeral up to 39, in letters or as one character: ``IV`` and ``Ⅳ`` are 4."""
    total = highest = 0
    for char in reversed(unicodedata.normalize("NFKC", printed)):
        value = {"I": 1, "V": 5, "X": 10}.get(char, 0)
        total += value if value >= highest else -value
        highest = max(highest, value)
    return total


def last(printed: str) -> int:
    """Read the last numeral of a printed number: ``II-3`` is 3."""
    return int(re.findall("[0-9]+", printed)[-1])


_REFERRED = re.compile(
    r"第[一二三四五六七八九十百千零0-9]|[、和与及或至到]第?[（(]?[一二三四五六七八九十百0-9]"
    r"|规定|所[列述称规]|的|[、，；和至或及与]|之[内外中前后]|中[的所]|款|项|[（(][一二三四五六七八九十]"
)


def _division(name: str, units: str, division: int) -> MarkerKind:
    """第X章 and the like."""
    number = rf"第{_SPACE}(?:{_NUMERAL}|[0-9０-９]{{1,6}}){_SPACE}(?:{both(units)})"
    if division == ARTICLE:
        number += rf"(?:之{_NUMERAL})?"
    return MarkerKind(
        name,
        number,
        "[、：:.．]?",
        numeral,
        division=division,
        not_after=re.compile(
            r"(?:[按依遵]照?|[依根]据|本(?:法|办法|规定|条例|细则)?|违反|属于|符合|执行|适用|[前由和及与至、《“（(])$"
        ),
        not_before=_REFERRED,
    )


_COUNTED = (
    "[年月日时分秒号点个家项条件名人次天周届位倍万千百亿元亩米吨批所处起款类种户台套岁层%％至到—-]"
)

_IN_LIST = rf"[、和及与至或]?[（(]{_NUMERAL}[）)]|[项款目类条种]|[、和及与至或]{_NUMERAL}[、项款条]"

_KINDS = (
    _division("part", "编|分编|篇|部分", 1),
    _division("chapter", "章", 2),
    _division("section", "节", 3),
    _division("article", "条", ARTICLE),
    MarkerKind(
        "ideographic",
        _NUMERAL,
        rf"{_SPACE}[、．.](?![0-9])",
        numeral,
        # 统一、 唯一、 第一、 周一、 are words that end in a numeral.
        not_after=re.compile(
            "[统唯之第同专周初双逐某每非一二三四五六七八九十百千]$|整齐划$|(?<!回)归$|星期$"
            "|(?<![主责担])任$|(?<![清名订工])单$|(?<!提)高$|(?<![扩重强壮])大$|(?<![结综联配符融整组])合$"
        ),
        not_before=re.compile(
            rf"{_NUMERAL}(?:[、，和及至与级类产批期届季楼层档等号线者]|年级|月份|$)"
        ),
        continues="ideographic_loose",
    ),
    MarkerKind(
        "ideographic_loose",
        _NUMERAL,
        r"(?:[ \u3000]{1,4}|[，,])(?=[\u4e00-\u9fff“《])",
        numeral,
        glued=False,
        loose=True,
        continues="ideographic",
    ),
    MarkerKind(
        "named",
        rf"(?<![^\n \t\u3000*#>。；])(?:措施|政策|任务|举措|行动|工程|事项|服务)(?:{_NUMERAL}|{_ARABIC})",
        r"[ \u3000]?[：:、.．]|(?=[ \u3000\n])",
        lambda printed: numeral(printed[2:]),
        glued=False,
        loose=True,
    ),
    MarkerKind(
        "squared",
        rf"[【\[〔]{_SPACE}(?:{_NUMERAL}|{_ARABIC}){_SPACE}[】\]〕]",
        "[、.．]?",
        lambda printed: numeral(printed.strip("【[〔】]〕 \u3000")),
        glued=False,
        loose=True,
    ),
    MarkerKind(
        "roman",
        "(?:[IVX]{1,6}|[Ⅰ-Ⅻ])",
        rf"{_SPACE}[、.．](?![0-9a-zA-Z])",
        roman,
        glued=False,
        not_after=re.compile("[0-9a-zA-Z]$"),
    ),
    MarkerKind(
        "level_after_hyphen",
        "(?:[IVX]{1,4}|[A-Z]|[0-9]{1,2})-[0-9]{1,2}",
        r"[ \u3000]{0,2}(?=[\u4e00-\u9fff“《])",
        last,
        glued=False,
        loose=True,
        not_after=re.compile("[0-9a-zA-Z.．—-]$"),
        not_before=re.compile(f"{_COUNTED}"),
    ),
    MarkerKind(
        "keycap", "[0-9]\ufe0f?\u20e3", "[、.．]?", lambda printed: int(printed[0]), glued=False
    ),
    MarkerKind(
        "formal",
        "[壹贰貳叁參肆伍陆陸柒捌玖拾]{1,3}",
        rf"{_SPACE}[、．.]",
        formal,
    ),
    MarkerKind(
        "bracketed",
        rf"[（(]{_SPACE}{_NUMERAL}{_SPACE}[）)]",
        "[、.．]?",
        numeral,
        not_after=re.compile(r"[第条款项目和及与至或、]$"),
        not_before=re.compile(_IN_LIST),
    ),
    MarkerKind("bracketed_symbol", "[㈠-㈩]", "[、.．]?", symbol, continues="bracketed"),
    MarkerKind(
        "arabic_level",
        r"[0-9]{1,2}(?:\.[0-9]{1,2}){1,3}",
        r"[.．、]?(?=[ \u3000]|[\u4e00-\u9fff])",
        lambda printed: int(printed.rsplit(".", 1)[-1]),
        glued=False,
        not_after=re.compile(r"[0-9a-zA-Z.．]$"),
        not_before=re.compile(r"[ \u3000]?[%％倍万亿元个米吨年月日以亩]"),
    ),
    MarkerKind(
        "arabic_dot",
        _ARABIC,
        rf"{_SPACE}[.．](?:(?![0-9０-９])|(?=(?:19|20)[0-9]{{2}}年))",
        numeral,
        not_after=re.compile(r"[0-9０-９a-zA-Z.．/\-—№~～+×=第]$"),
        not_before=re.compile(r"[ \u3000]?[%％a-zA-Z]*[0-9]*[/%％]"),
        continues="arabic_comma",
    ),
    MarkerKind(
        "arabic_comma",
        _ARABIC,
        rf"{_SPACE}、",
        numeral,
        not_after=re.compile(r"[0-9０-９a-zA-Z.．/\-—№~～+×=第、和及]$"),
        not_before=re.compile(r"(?!(?:19|20)[0-9]{2}年)[0-9]"),
        continues="arabic_dot",
    ),
    MarkerKind(
        "arabic_loose",
        "(?<![0-9０-９.．])[0-9０-９]{1,2}",
        rf"[ \u3000]{{0,2}}(?=[\u4e00-\u9fff“《])(?!{_COUNTED})",
        numeral,
        glued=False,
        loose=True,
        continues="arabic_dot",
    ),
    MarkerKind(
        "bracketed_arabic",
        rf"[（(]{_SPACE}{_ARABIC}{_SPACE}[）)]",
        "[、.．]?",
        numeral,
        item=True,
        not_after=re.compile(r"[第条款项目和及与至或、a-zA-Z0-9]$"),
        not_before=re.compile(rf"[、和及与至或]?[（(]{_ARABIC}[）)]|[项款目类条种]"),
    ),
    MarkerKind(
        "arabic_symbol", "[⑴-⒇]", "[、.．]?", symbol, item=True, continues="bracketed_arabic"
    ),
    MarkerKind(
        "arabic_bracket",
        _ARABIC,
        "[）)]",
        numeral,
        item=True,
        glued=False,
        not_after=re.compile(r"[0-9０-９a-zA-Z.．（(/\-—]$"),
    ),
    MarkerKind(
        "circled",
        "[①-⑳㉑-㉟]",
        "[、.．]?",
        symbol,
        item=True,
        not_after=re.compile(r"[和及与至或、①-⑳]$"),
        not_before=re.compile("[、和及与至或]?[①-⑳]"),
    ),
)

_DATE = (
    r"(?:[0-9０-９]{4}|[二一][〇○ＯO零一二三四五六七八九]{3})[ \u3000]?[年月][ \u3000]?"
    r"[0-9０-９一二三四五六七八九十]{1,3}[ \u3000]?月[ \u3000]?"
    r"[0-9０-９一二三四五六七八九十]{1,3}[ \u3000]?日"
)
_BLANK = r"[ \t\u3000\xa0]{0,40}"
_NOT_NUMBERED = (
    r"(?!(?:[（(]?[一二三四五六七八九十0-9]{1,3}[、.．)）]|第[一二三四五六七八九十百0-9]|[①-⑳]))"
)
_SIGNATORY = rf"{_BLANK}{_NOT_NUMBERED}[^\n\t。；：！？;:!?]{{2,40}}\n(?:{_BLANK}\n){{0,3}}"

_PAPER = (
    "(?:若干|政策|实施|行动|工作|暂行|奖励)?"
    "(?:政策|措施|意见|通知|办法|规定|方案|细则|条例|计划|规划|公告|通告|文件|决定|条款|条)"
)

NUMBERING = Numbering(
    kinds=_KINDS,
    starts="第措政任举行工事服【\\[〔IVXⅠ-Ⅻ一二三四五六七八九十百千零〇两0-9０-９（(㈠-㈩①-⒇㉑-㉟壹贰貳叁參肆伍陆陸柒捌玖拾",
    contents=re.compile(rf"^{_BLANK}目{_BLANK}[录次]{_BLANK}$", re.M),
    appendix=re.compile(
        rf"^{_BLANK}附{_BLANK}[件表录]{_BLANK}"
        rf"(?:[0-9一二三四五六七八九十]{{1,2}}(?![、.．0-9]).{{0,60}}|[：:]?{_BLANK})$",
        re.M,
    ),
    attachments=re.compile(
        rf"(?:^{_BLANK}|(?<=[。）])[ \u3000]{{0,4}})附{_BLANK}(?:件|表)?{_BLANK}[：:](?=[^\n])",
        re.M,
    ),
    signature=re.compile(
        rf"^(?:{_SIGNATORY}){{0,4}}{_BLANK}{_DATE}{_BLANK}(?:印发|发布)?{_BLANK}$"
        rf"|(?<=[。）\])】])[ \u3000]?[^\n\t。；：，、！？;:!?]{{2,40}}{_DATE}"
        rf"(?=[ \u3000]?(?:[（(]此件|附件|责任编辑|来源|$|\n))"
        rf"|^{_BLANK}[（(](?:此件|本文|本件|联系人|联系电话).{{0,40}}[）)]{_BLANK}$"
        rf"|^{_BLANK}(?:抄送|主题词|信息公开选项|上一[篇条]|下一[篇条]|责任编辑|版权所有|主办){_BLANK}[：:]"
        rf"|^{_BLANK}[【\[]?(?:扫一扫|打印本页|相关(?:链接|解读|文档|附件)|网站地图|版权所有)",
        re.M,
    ),
    closing=re.compile(
        rf"[\n。）\])】 \u3000府局委厅办门位关行会]{_BLANK}("
        rf"(?:本|以上|上述|此){_PAPER}[^。\n]{{0,60}}"
        rf"(?:施行|执行|实施|生效|有效|期限|解释|暂定|所[指称]|废止|起|为准)"
        rf"|特此(?:通知|公告|通告|公示|函告|函复|批复)|各项条款由|施行说明[：:]"
        rf"|国家、[^。\n]{{0,24}}(?:出台|其他))"
    ),
    sentence_end=re.compile("[。！？!?]"),
    title_limit=45,
    title_separator=re.compile(r"[：:]|[ \t\u3000]+(?=\S{6})"),
)
