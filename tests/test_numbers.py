"""Numbers in questions and clauses, whatever the way they are written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa.numbers import Number, find_numbers


def values(text: str) -> list[str]:
    return [number.value for number in find_numbers(text)]


@pytest.mark.parametrize(
    "written",
    [
        "15%",
        "１５％",
        "15 %",
        "十五 %",
        "百分之十五",
        "百分之15",
        "15 percent",
        "15 per cent",
        "15퍼센트",
        "15.0%",
    ],
)
def test_one_percentage(written: str) -> None:
    assert values(written) == ["15%"]


@pytest.mark.parametrize(
    ("written", "value"),
    [("百分之四点五", "4.5%"), ("百分之百", "100%"), ("0.50%", "0.5%"), ("百分之一百二十", "120%")],
)
def test_other_percentages(written: str, value: str) -> None:
    assert values(written) == [value]


@pytest.mark.parametrize(
    "written",
    ["3万元", "３萬元", "三万元", "30,000 yuan", "30000", "3만 위안", "30 thousand", "30千元"],
)
def test_one_amount(written: str) -> None:
    assert values(written) == ["30000"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.5亿", "150000000"),
        ("1.5억", "150000000"),
        ("2.5 million", "2500000"),
        ("250百万", "250000000"),
        ("5천만 원", "50000000"),
        ("3백만", "3000000"),
        ("1,234.50", "1234.5"),
        ("六千元", "6000"),
        ("一百二十家", "120"),
        ("两年", "2"),
        ("2个工作日", "2"),
        ("二〇二〇年", "2020"),
    ],
)
def test_amounts_and_counts(written: str, value: str) -> None:
    assert values(written) == [value]


@pytest.mark.parametrize("written", ["棠政发〔2021〕3号", "棠政发[2021]第3号", "棠政发(2021) 3 号"])
def test_the_number_of_a_document_is_one_number(written: str) -> None:
    assert values(written) == ["〔2021〕3号"]


@pytest.mark.parametrize(
    "text", ["一些窑厂", "第一批", "一带一路", "统一办理", "十分满意", "", "窑厂"]
)
def test_numerals_in_words_are_no_numbers(text: str) -> None:
    assert values(text) == []


def test_numbers_are_given_as_written_in_order_of_kind_and_once() -> None:
    assert find_numbers("补贴40%，最高3万元；40%以上，3万") == [
        Number("40%", "40%"),
        Number("3万", "30000"),
    ]


@given(st.text(st.characters()))
@example("9" * 2000)
@example("百分之" + "九" * 2000)
@example("九" * 2000 + "元")
@example("٣元 ½% ¼万 1⁄2")
def test_any_text_can_be_searched(text: str) -> None:
    assert all(number.text and number.value for number in find_numbers(text))


@given(
    st.text(
        st.sampled_from(
            list("〇零一二两三十百千万亿点分之%元年个0123456789.,第 %万만억천号〔〕年")
        ),
        max_size=40,
    )
)
def test_any_heap_of_numerals_can_be_searched(text: str) -> None:
    assert all(number.value not in ("", "%") for number in find_numbers(text))


@given(st.integers(0, 10**9))
def test_whole_numbers_keep_their_value(number: int) -> None:
    assert values(f"最高{number}元") == [str(number)]
    assert values(f"at most {number:,} yuan") == [str(number)]
