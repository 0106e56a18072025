"""Personal data are masked; the numbers that questions are about are not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric
from stdnum.kr import rrn

from qa.privacy import CARD, EMAIL, IDENTITY, MARKS, PASSPORT, PHONE, mask, unmarked

DIGITS = "0123456789"
BIRTHDAYS = st.dates(date(1930, 1, 1), date(2020, 12, 31))
JOINTS = st.sampled_from(["", " ", "-", "–", "."])
BEFORE = st.sampled_from(
    ["", "我的电话是", "请回电 ", "call me at ", "제 번호는 ", "（", "：", "tel:"]
)
AFTER = st.sampled_from(["", "，谢谢", " please", "입니다", "）", "。", "转3", "\n"])


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=count, max_size=count)


def assert_masked(before: str, number: str, after: str, mark: str) -> None:
    assert mask(f"{before}{number}{after}") == f"{before}{mark}{after}"


# --- what must not be stored


@given(BEFORE, st.sampled_from("3456789"), digits(1), digits(4), digits(4), JOINTS, AFTER)
def test_chinese_mobile_numbers_are_masked(
    before: str, second: str, third: str, middle: str, last: str, joint: str, after: str
) -> None:
    number = joint.join([f"1{second}{third}", middle, last])
    assert_masked(before, number, after, PHONE)
    wide = number.translate({ord(digit): ord(digit) + 0xFEE0 for digit in DIGITS})
    assert_masked(before, wide, after, PHONE)


@given(BEFORE, st.integers(110000, 659999), BIRTHDAYS, digits(3), AFTER)
def test_chinese_identity_numbers_are_masked(
    before: str, place: int, birthday: date, order: str, after: str
) -> None:
    stem = f"{place}{birthday:%Y%m%d}{order}"
    right = ric.calc_check_digit(stem)
    for last in (right, right.lower(), "1"):  # the last one is mistyped, as a rule
        assert_masked(before, stem + last, after, IDENTITY)
    assert_masked(before, f"{stem[:6]} {stem[6:14]} {stem[14:]}{right}", after, IDENTITY)


@given(BEFORE, BIRTHDAYS, digits(6), st.sampled_from(["-", " - ", "–"]), AFTER)
def test_korean_identity_numbers_are_masked(
    before: str, birthday: date, rest: str, joint: str, after: str
) -> None:
    century = "1" if birthday.year < 2000 else "3"
    assert_masked(before, f"{birthday:%y%m%d}{joint}{century}{rest}", after, IDENTITY)


@given(BIRTHDAYS, digits(5))
def test_korean_identity_numbers_without_a_hyphen_are_masked(birthday: date, rest: str) -> None:
    stem = f"{birthday:%y%m%d}{'1' if birthday.year < 2000 else '3'}{rest}"
    assert_masked("주민번호 ", stem + rrn.calc_check_digit(stem), "", IDENTITY)


@given(BEFORE, st.sampled_from(["62", "4", "5", "35"]), digits(15), st.booleans(), AFTER)
def test_bank_cards_are_masked(
    before: str, issuer: str, rest: str, spaced: bool, after: str
) -> None:
    stem = (issuer + rest)[:15]
    number = stem + luhn.calc_check_digit(stem)
    if spaced:
        number = " ".join(number[i : i + 4] for i in range(0, 16, 4))
    assert_masked(before, number, after, CARD)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("给 li.ming+a@mail.weihai.gov.cn 回信", f"给 {EMAIL} 回信"),
        ("０６３１－５２８１２３４找我", f"{PHONE}找我"),
        ("(0631) 5281234", PHONE),
        ("+86 631 528 1234", PHONE),
        ("+82-10-1234-5678로 전화 주세요", f"{PHONE}로 전화 주세요"),
        ("+1 (212) 555-0123", PHONE),
        ("010-1234-5678", PHONE),
        ("02-2123-4567", PHONE),
        ("座机 5281234 找王", f"座机 {PHONE} 找王"),
        ("办公电话：528 1234", f"办公电话：{PHONE}"),
        ("护照号E12345678", f"护照号{PASSPORT}"),
        ("手机13812345678，身份证37060219900101123X", f"手机{PHONE}，身份证{IDENTITY}"),
    ],
)
def test_other_forms_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


# --- what questions are about


@given(st.integers(10, 97), digits(2), digits(4), st.sampled_from(["", "00", "10", "90"]))
def test_tariff_codes_stay(chapter: int, heading: str, rest: str, national: str) -> None:
    for code in (
        f"{chapter}{heading}{rest}{national}",
        f"{chapter}{heading}.{rest[:2]}.{rest[2:]}",
    ):
        for text in (f"{code}的关税是多少", f"HS编码：{code}", f"tariff of {code}?", code):
            assert mask(text) == text


@given(
    st.sampled_from([(1, 6), (2, 10), (3, 8), (4, 10), (5, 11), (6, 4), (7, 14), (8, 14), (9, 10)]),
    st.data(),
)
def test_tariff_codes_that_begin_with_zero_stay(
    chapter: tuple[int, int], data: st.DataObject
) -> None:
    number, headings = chapter
    heading = data.draw(st.integers(1, headings))
    text = f"0{number}{heading:02}{data.draw(digits(6))} 能退税吗"
    assert mask(text) == text


@given(st.integers(1990, 2040), st.integers(1, 999))
def test_document_numbers_stay(year: int, number: int) -> None:
    for text in (f"国办发〔{year}〕{number}号", f"鲁政发[{year}]{number}号", f"第{number}号令"):
        assert mask(text) == text


@given(
    st.integers(1, 99_999_999_999),
    st.sampled_from(["元", "万元", "美元", "원", " USD", "韩元", "%", "亿"]),
)
def test_amounts_stay(amount: int, unit: str) -> None:
    for text in (f"补贴{amount}{unit}", f"补贴{amount:,}{unit}", f"{amount}.50{unit}"):
        assert mask(text) == text


@given(st.dates(date(1990, 1, 1), date(2040, 12, 31)), st.dates(date(1990, 1, 1)))
def test_dates_stay(first: date, last: date) -> None:
    for form in ("%Y-%m-%d", "%Y年%m月%d日", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d"):
        text = f"从{first.strftime(form)}到{last.strftime(form)}"
        assert mask(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "打12345还是12366？", "全国统一 400-820-8820", "1588-1234로 전화", "110 119 120",
        "报关单号422020201234567890", "条形码6901234567892", "第13条第2款", "2019-2021三年",
        "13.5%", "1,380,013,800元", "国税发1994", "9610、9710、9810、1210模式", "RCEP 2022年1月1日生效",
        "给的钱是不是 3000 到 50000 一家", "增值税专用发票代码3700201130", "ISO 9001:2015", "",
    ],
)  # fmt: skip
def test_other_numbers_stay(text: str) -> None:
    assert mask(text) == text


# --- always


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(st.text(st.characters(exclude_categories=["Nd"], exclude_characters="@")))
def test_a_text_without_digits_and_addresses_stays(text: str) -> None:
    assert mask(text) == text


def test_a_wording_loses_its_marks() -> None:
    text = mask("我的电话13812345678 出口退税要多久 a@b.cn")
    assert unmarked(text) == "我的电话 出口退税要多久"
    assert all(mark not in unmarked(" ".join(MARKS)) for mark in MARKS)
