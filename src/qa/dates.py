"""Dates and spans of time as policies write them, in Chinese, English and Korean.

``2020年2月14日``, ``二〇二〇年二月十四日``, ``2020-02-14``, ``2020년 2월 14일``, ``14 February 2020``;
``2020年6月`` and ``2020年底`` stand for a stretch, of which a start or an end is meant.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

from qa.numbers import read_numeral

_DIGITS = str.maketrans("〇零○Ｏ一二三四五六七八九", "0000123456789")
_NUMERAL = "[〇零○一二三四五六七八九十]"
_MONTHS = {
    name: number
    for number in range(1, 13)
    for name in (calendar.month_name[number].lower(), calendar.month_abbr[number].lower())
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))

DATE = (
    rf"(?:\d{{4}}\s?年\s?\d{{1,2}}\s?月\s?\d{{1,2}}\s?[日号]|{_NUMERAL}{{4}}年{_NUMERAL}{{1,3}}月{_NUMERAL}{{1,3}}日"
    r"|\d{4}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?\d{1,2}\.?|\d{4}\s?년\s?\d{1,2}\s?월\s?\d{1,2}\s?일"
    rf"|(?:{_MONTH})\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?\s(?:{_MONTH})\.?,?\s\d{{4}})"
)
"""A pattern, without groups, for a day."""

STRETCH = (
    rf"(?:{DATE}|\d{{4}}\s?年\s?\d{{1,2}}\s?月(?:份?底|末)?|\d{{4}}\s?年(?:年?底|末)?"
    r"|\d{4}\s?년\s?\d{1,2}\s?월\s?말?)"
)
"""A pattern, without groups, for a day, a month or a year."""

SPAN = (
    r"(?:\d+|[一二两三四五六七八九十百]+)\s?(?:周?年|个?月|[日天]|years?|months?|days?|년|개월|일)"
)
"""A pattern, without groups, for a length of time."""

_NUMBERS = re.compile(r"\d+")
_NAMED = re.compile(rf"({_MONTH})", re.IGNORECASE)
_AMOUNT = re.compile(r"(\d+|[一二两三四五六七八九十百]+)\s?(.*)", re.DOTALL)


def read_date(text: str, *, end: bool = False) -> str:
    """The day that ``text`` (what ``STRETCH`` matched) names as YYYY-MM-DD, empty where there is no
    such day; of a month or a year the first day, or the last where ``end``.

    >>> read_date("二〇二〇年二月十四日"), read_date("2020年6月底", end=True)
    ('2020-02-14', '2020-06-30')
    """
    parts = _parts(text.strip())
    if not parts:
        return ""
    year, month, day = (*parts, 0, 0)[:3]
    try:
        month = month or (12 if end else 1)
        return date(
            year, month, day or (calendar.monthrange(year, month)[1] if end else 1)
        ).isoformat()
    except (ValueError, calendar.IllegalMonthError):
        return ""


def _parts(text: str) -> tuple[int, ...]:
    named = _NAMED.search(text)
    if named:
        day, year = sorted((int(n) for n in _NUMBERS.findall(text)), key=lambda n: n > 31)[:2]
        return year, _MONTHS[named.group().lower()], day
    if "年" in text and not text[0].isdigit():
        year_text, _, rest = text.partition("年")
        month, _, day_text = rest.partition("月")
        return int(year_text.translate(_DIGITS)), _small(month), _small(day_text.rstrip("日"))
    return tuple(int(number) for number in _NUMBERS.findall(text))[:3]


def _small(numeral: str) -> int:
    try:
        return int(read_numeral(numeral))
    except (ValueError, KeyError):
        return 0


def after(start: str, span: str) -> str:
    """The first day after a span of time that begins on ``start``; empty where either is unknown.

    >>> after("2020-03-01", "2年"), after("2020-01-31", "1个月")
    ('2022-03-01', '2020-02-29')
    """
    match = _AMOUNT.fullmatch(span.strip())
    if not start or not match:
        return ""
    amount, unit = match.groups()
    count = int(amount) if amount.isdigit() else _small(amount.replace("两", "二"))
    first = date.fromisoformat(start)
    try:
        if unit.startswith(("日", "天", "day", "일")):
            return (first + timedelta(days=count)).isoformat()
        months = count * (12 if unit.startswith(("年", "周年", "year", "년")) else 1)
        year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(first.day, last)).isoformat()
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        return ""


def before(day: str) -> str:
    """The day before; empty where ``day`` is."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat() if day else ""
