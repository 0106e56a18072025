"""Numbers as people and policies write them, in one normal form: 十五 %, 15%, 百分之十五 → 15%; and
the numbers of clauses as values.

Money and deadlines are where a wrong answer hurts: the numbers of a question are compared with
those of the clause that is cited.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from qa.languages.en.intents import NUMERALS
from qa.text import normalise

_CHINESE = "〇零一二三四五六七八九十百千万亿两"
_PERCENT = re.compile(
    rf"百分之([{_CHINESE}点]+|\d+(?:\.\d+)?)|([{_CHINESE}]+|\d+(?:\.\d+)?)\s*(?:%|percent\b|per\s*cent\b|퍼센트|프로)"
)
_DOCUMENT = re.compile(r"[\u4e00-\u9fff]{1,8}[〔\[(]\s*(\d{4})\s*[〕\])]\s*(?:第\s*)?(\d+)\s*号")
_PLAIN = re.compile(
    r"(\d+(?:,\d{3})*(?:\.\d+)?)\s*(亿|억|千万|천만|百万|백만|万|만|千|천|billion|million|thousand)?"
)
_WRITTEN = re.compile(
    # A lone 一 says "a", "some" or "once", and classes are names: 一家, 一个人, 一类, 三类.
    rf"(?<![第{_CHINESE}])(?!一(?![{_CHINESE}])|[{_CHINESE}]+类)"
    rf"([{_CHINESE}]*[十百千万亿{_CHINESE}])(?=\s*(?:个|家|年|月|日|天|元|倍|成|户|人|项|类|公里|吨|小时|分之|万|亿|工作日))"
)
_SCALE = {
    "千": 10**3, "천": 10**3, "万": 10**4, "만": 10**4, "百万": 10**6, "백만": 10**6,
    "千万": 10**7, "천만": 10**7, "亿": 10**8, "억": 10**8,
    "thousand": 10**3, "million": 10**6, "billion": 10**9,
}  # fmt: skip
_ARTICLE = re.compile(r"条|條|조|article", re.IGNORECASE)
_KOREAN_NUMERALS = str.maketrans("일이삼사오육칠팔구십", "一二三四五六七八九十")


@dataclass(frozen=True, slots=True)
class Number:
    """A number found in a text: as it is written there, and its normal form."""

    text: str
    value: str


def find_numbers(text: str) -> list[Number]:
    """The percentages, document numbers, amounts and counts of ``text``, without repetition.

    Small Chinese numerals count only before a unit: 一 in 一些 or 第一 is no number.
    """
    rest = normalise(text)
    found: dict[str, Number] = {}
    for pattern, value in (
        (_DOCUMENT, _document),
        (_PERCENT, _percent),
        (_PLAIN, _plain),
        (_WRITTEN, _written),
    ):
        for match in pattern.finditer(rest):
            normal = value(match)
            if normal:
                found.setdefault(normal, Number(match.group().strip(), normal))
        rest = pattern.sub(" ", rest)
    return list(found.values())


@lru_cache(maxsize=2000)
def number_values(text: str) -> frozenset[str]:
    """The normal forms of the numbers of a text that is looked at again and again: a clause."""
    return frozenset(number.value for number in find_numbers(text))


def _document(match: re.Match[str]) -> str:
    return f"〔{match.group(1)}〕{match.group(2)}号"


def _percent(match: re.Match[str]) -> str:
    number = _arabic(match.group(1) or match.group(2))
    return f"{number}%" if number else ""


def _plain(match: re.Match[str]) -> str:
    number = float(match.group(1).replace(",", "")) * _SCALE.get(match.group(2) or "", 1)
    return _written_out(number)


def _written(match: re.Match[str]) -> str:
    return _arabic(match.group(1))


def read_numeral(numeral: str) -> float:
    """The value of a Chinese numeral.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it is none.
    """
    from cn2an import cn2an  # takes a fifth of a second to load, which the first page does without

    return float(cn2an(numeral.replace("〇", "零").replace("○", "零"), "smart"))


def _arabic(numeral: str) -> str:
    """A numeral in Arabic digits; empty where it cannot be read."""
    try:
        whole = f"一{numeral}" if numeral[0] in "百千万亿" else numeral  # 百分之百
        return _written_out(read_numeral(whole))
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        return ""


def _written_out(number: float) -> str:
    """A number without separators and needless zeros; empty where it is beyond all bounds."""
    if not math.isfinite(number):
        return ""
    return f"{number:.0f}" if number == round(number) else f"{number:.10g}"


def is_article(numeral: str) -> bool:
    """Whether a printed number is that of an article (第五条, 제5조), which no section repeats."""
    return bool(_ARTICLE.search(numeral))


@lru_cache(maxsize=4096)
def clause_number(numeral: str) -> int:
    """The value of a printed number (``十三``, ``（三）``, ``第五条``, ``13``, ``제13조``), 0 if none."""
    found = re.search(
        r"\d+|[〇零一二三四五六七八九十百千两]+|[일이삼사오육칠팔구십]+|[a-z]+", normalise(numeral)
    )
    if not found:
        return 0
    text = found.group().translate(_KOREAN_NUMERALS)
    if text in NUMERALS:
        return NUMERALS[text]
    try:
        return int(read_numeral(text))
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        return 0
