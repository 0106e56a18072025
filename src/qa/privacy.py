"""Personal data in questions → marks that say what stood there.

People tell a hotline more than it asks for: their phone and identity numbers. What is stored does
not need them. Numbers that questions are about must stay: tariff codes (8, 10 or 13 digits),
document numbers, amounts, dates, hotlines (12345, 400-…, 1588-…).

What is masked where in doubt: a number of the shape of a person's (11 digits that begin like a
Chinese mobile number), for a leak cannot be taken back. Names are masked where somebody is
introduced by one (``introductions``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cache
from types import ModuleType

from qa.introductions import names

EMAIL, IDENTITY, CARD, PHONE, PASSPORT, NAME = MARKS = (
    "[email]",
    "[identity number]",
    "[card number]",
    "[phone]",
    "[passport]",
    "[name]",
)
"""What stands in the place of personal data, in every language."""

_WIDE = str.maketrans("０１２３４５６７８９＋－＠．Ｘｘ　", "0123456789+-@.Xx ")
"""Full-width forms, one character for one: what is found stands at the same place."""

_JOINT = r"[ \-–—‐‑·.]?"
_GAP = r"[ \-–—‐‑·.]{0,3}"
_ALONE = r"(?<![\d])(?<!\d[.,])"
_ENDS = r"(?!\d)(?![.,]\d)"

_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.ASCII)
_CHINESE_ID = re.compile(rf"{_ALONE}\d{{6}}{_JOINT}\d{{8}}{_JOINT}\d{{3}}[\dXx]{_ENDS}")
_OLD_CHINESE_ID = re.compile(rf"{_ALONE}[1-9]\d{{14}}{_ENDS}")
_KOREAN_ID = re.compile(rf"{_ALONE}\d{{6}}( ?[-–—‐‑] ?| ?)[1-8]\d{{6}}{_ENDS}")
_CARD = re.compile(rf"{_ALONE}(?:9558|[3-6]\d{{3}})(?:{_JOINT}\d){{11,15}}{_ENDS}")
_ABROAD = re.compile(r"(?<![\d+])(?:\+|00(?=8[26]))\(?\d(?:[ \-–—‐‑().]{0,2}\d){6,14}(?!\d)")
_MOBILE = re.compile(rf"{_ALONE}(?:86{_GAP})?1[3-9]\d(?:{_GAP}\d{{4}}){{2}}{_ENDS}")
_MOBILE_ODDLY = re.compile(rf"{_ALONE}1[3-9]\d(?:{_JOINT}\d){{8}}{_ENDS}")
_LANDLINE = re.compile(rf"{_ALONE}[(（]?0\d{{1,3}}[)）]?{_GAP}\d{{3,4}}{_GAP}\d{{3,4}}\d?{_ENDS}")
_TEN_DIGITS = re.compile(r"0(?:2[2-9]|[3-6]\d[2-9])")
"""How a phone number of ten digits begins, which is one of Korea: no tariff code does."""
_LOCAL = re.compile(
    r"(?:电话|手机|座机|固话|传真|号码|联系方式|[Tt]el|TEL|[Pp]hone|[Mm]obile|[Ff]ax|전화|연락처|팩스|휴대폰)"
    r"(?:号码?|是|为|number|is|no\.?|번호|는|은|[:：.\s])*"
    rf"({_ALONE}[2-9]\d{{2,3}}{_GAP}\d{{4}}{_ENDS})"
)
_PASSPORT = re.compile(
    r"(?:护照|passport|여권)(?:号码?|是|为|number|is|no\.?|번호|[:：.\s])*([A-Za-z]{1,2}\d{7,8})(?!\d)",
    re.IGNORECASE,
)
_AMOUNT_BEFORE = re.compile(r"(?:[¥￥$€£₩]|RMB|USD|CNY|KRW|EUR) ?\Z", re.IGNORECASE)
_AMOUNT_AFTER = re.compile(
    r" ?(?:元|块|万|亿|美元|美金|欧元|韩元|日元|원|달러|만|억|RMB|USD|CNY|KRW|EUR|yuan|won|dollar|euro|%|％|吨|公斤|kg|톤)",
    re.IGNORECASE,
)
_CODE_BEFORE = re.compile(
    r"(?:HS|HSK|H\.S\.|税则|税号|海关编码|商品编[码号]|商品代码|tariff|세번|품목)"
    r"(?:编码|号列?|code|number|번호|부호|코드|是|为|[:：.\s])*\Z",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """``text`` with personal data as marks; everything else as it was.

    Masked: e-mail addresses; phone numbers of China and Korea, others where they begin with ``+``;
    Chinese and Korean identity numbers; bank cards; passports where they are called so; names by
    which somebody is introduced.
    """
    text = _without_names(text)
    text = _sub(_EMAIL, text, EMAIL, lambda _: True)
    text = _sub(_PASSPORT, text, PASSPORT, lambda _: True)
    if not re.search(r"\d", text):
        return text
    text = _sub(_CHINESE_ID, text, IDENTITY, _is_chinese_identity)
    text = _sub(_ABROAD, text, PHONE, _is_phone_abroad)
    text = _sub(_CARD, text, CARD, _is_card)
    text = _sub(_OLD_CHINESE_ID, text, IDENTITY, _is_old_chinese_identity)
    text = _sub(_KOREAN_ID, text, IDENTITY, _is_korean_identity)
    for pattern in (_MOBILE, _MOBILE_ODDLY):
        text = _sub(pattern, text, PHONE, _is_no_amount)
    text = _sub(_LANDLINE, text, PHONE, _is_landline)
    return _sub(_LOCAL, text, PHONE, lambda _: True)


def _without_names(text: str) -> str:
    pieces, position = [], 0
    for start, end in names(text):
        pieces += [text[position:start], NAME]
        position = end
    return "".join([*pieces, text[position:]])


def unmarked(text: str) -> str:
    """A masked text without its marks: as a wording it should say what anybody could ask."""
    for mark in MARKS:
        text = text.replace(mark, " ")
    return " ".join(text.split())


def _sub(
    pattern: re.Pattern[str], text: str, mark: str, personal: Callable[[re.Match[str]], bool]
) -> str:
    """Replaces what ``pattern`` finds (its group, where it has one that took part) by ``mark``."""
    pieces, position = [], 0
    for match in pattern.finditer(text.translate(_WIDE)):
        whole = pattern in (_LOCAL, _PASSPORT)
        start, end = match.span(1) if whole else match.span()
        if personal(match):
            pieces += [text[position:start], mark]
            position = end
    return "".join([*pieces, text[position:]])


def _digits(text: str) -> str:
    return re.sub(r"[^\dXx]", "", text)


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        return bool(date(int(year), int(month), int(day)))
    except ValueError:
        return False


def _is_chinese_identity(match: re.Match[str]) -> bool:
    """A date of birth stands in it. The check digit is not asked for: people mistype."""
    number = _digits(match.group())
    year = number[6:10]
    return "1880" <= year <= "2099" and _is_date(year, number[10:12], number[12:14])


def _is_old_chinese_identity(match: re.Match[str]) -> bool:
    number = match.group()
    return _is_date(f"19{number[6:8]}", number[8:10], number[10:12]) and _is_no_code(match)


def _is_korean_identity(match: re.Match[str]) -> bool:
    """A date of birth stands in it. Without a hyphen it may also be the bar code of a product,
    which its check digit tells; numbers given since 2020 have no check digit of their own."""
    number = _digits(match.group())
    century = {"1": 1900, "2": 1900, "5": 1900, "6": 1900}.get(number[6], 2000)
    if not _is_date(str(century + int(number[:2])), number[2:4], number[4:6]):
        return False
    if match.group(1).strip():
        return True
    from stdnum import ean
    from stdnum.kr import rrn

    product = ean.is_valid(number) and not rrn.is_valid(number)
    return not product and _is_no_code(match)


def _is_card(match: re.Match[str]) -> bool:
    """Luhn's check digit is right, and it is no number of a customs declaration (18 digits: the
    office, the year, a running number)."""
    from stdnum import luhn

    number = _digits(match.group())
    declaration = len(number) == 18 and "2000" <= number[4:8] <= "2099"
    return luhn.is_valid(number) and not declaration and _is_no_code(match)


def _is_no_amount(match: re.Match[str]) -> bool:
    before, after = match.string[: match.start()], match.string[match.end() :]
    return not (_AMOUNT_BEFORE.search(before[-8:]) or _AMOUNT_AFTER.match(after)) and _is_no_code(
        match
    )


def _is_no_code(match: re.Match[str]) -> bool:
    """Whether the words before do not call it a code of goods."""
    return not _CODE_BEFORE.search(match.string[max(0, match.start() - 24) : match.start()])


def _is_phone_abroad(match: re.Match[str]) -> bool:
    library = _phonenumbers()
    number = "+" + _digits(match.group()).removeprefix("00")
    try:
        return bool(library.is_possible_number(library.parse(number, None)))
    except library.NumberParseException:
        return False


def _is_landline(match: re.Match[str]) -> bool:
    """A number that exists in China or Korea and is not free of charge, as those of offices are."""
    if re.fullmatch(r"\d{10}", match.group()) and not _TEN_DIGITS.match(match.group()):
        return False
    library = _phonenumbers()
    kinds = library.PhoneNumberType
    office = (kinds.TOLL_FREE, kinds.SHARED_COST, kinds.PREMIUM_RATE, kinds.UAN)
    for region in ("CN", "KR"):
        number = library.parse(_digits(match.group()), region)
        if library.is_valid_number_for_region(number, region):
            return library.number_type(number) not in office and _is_no_amount(match)
    return False


@cache
def _phonenumbers() -> ModuleType:
    import phonenumbers

    return phonenumbers
