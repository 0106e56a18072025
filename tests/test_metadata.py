"""What a policy says of itself, and what the file beside it adds."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.corpus import corpus_digest, make_document, read_corpus, read_document
from qa.dates import STRETCH, after, before, read_date
from qa.errors import CorpusError
from qa.metadata import document_number
from qa.places import NATIONAL
from qa.types import UNDATED, Document

TITLE = "棠溪市窑厂扶持办法"


def policy(body: str, title: str = TITLE, signed: str = "棠溪市人民政府\n2031年5月6日") -> Document:
    return make_document("d", f"{title}\n\n一、补贴。按40%给予补贴。\n\n{body}\n\n{signed}\n")


# --- dates


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2031年5月6日", "2031-05-06", "2031-05-06"),
        ("二〇三一年十二月三十一日", "2031-12-31", "2031-12-31"),
        ("二零三一年五月六日", "2031-05-06", "2031-05-06"),
        ("2031-5-6", "2031-05-06", "2031-05-06"),
        ("2031.05.06", "2031-05-06", "2031-05-06"),
        ("2031년 5월 6일", "2031-05-06", "2031-05-06"),
        ("6 May 2031", "2031-05-06", "2031-05-06"),
        ("May 6, 2031", "2031-05-06", "2031-05-06"),
        ("2031年6月", "2031-06-01", "2031-06-30"),
        ("2032年2月底", "2032-02-01", "2032-02-29"),
        ("2031年底", "2031-01-01", "2031-12-31"),
        ("2031年13月40日", "", ""),
        ("2031年2月30日", "", ""),
    ],
)
def test_a_date_in_any_of_its_forms(written: str, first: str, last: str) -> None:
    assert re.fullmatch(STRETCH, written, re.I)
    assert (read_date(written), read_date(written, end=True)) == (first, last)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_every_day_is_read_as_it_is_written(day: date) -> None:
    assert read_date(f"{day.year}年{day.month}月{day.day}日") == day.isoformat()
    assert read_date(day.isoformat()) == day.isoformat()
    assert before(after(day.isoformat(), "1天")) == day.isoformat()


@pytest.mark.parametrize(
    ("start", "span", "day"),
    [
        ("2031-05-06", "五年", "2036-05-06"),
        ("2031-05-06", "两年", "2033-05-06"),
        ("2031-01-31", "1个月", "2031-02-28"),
        ("2031-05-06", "30日", "2031-06-05"),
        ("2032-02-29", "1 year", "2033-02-28"),
        ("2031-05-06", "3년", "2034-05-06"),
        ("", "3年", ""),
    ],
)
def test_a_time_after_a_day(start: str, span: str, day: str) -> None:
    assert after(start, span) == day


# --- number, issuer, place


@pytest.mark.parametrize(
    "written",
    [
        "国办发〔2020〕24号",
        "国办发[2020]24号",
        "国办发（2020）24号",
        "国办发【2020】第24号",
        "国办发 〔2020〕 24 号",
    ],
)
def test_a_document_number_in_any_brackets(written: str) -> None:
    text = f"国务院办公厅关于进一步做好窑厂工作的意见\n{written}\n\n各地：\n一、补贴。\n"
    assert make_document("d", text).number == written.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("棠溪市窑厂扶持意见棠政发〔2031〕7号\n各区县：", "棠政发〔2031〕7号"),
        ("窑厂通知\n落实《棠溪市窑厂办法》（棠政发〔2030〕1号）的要求。", ""),
        ("窑厂通知\n根据棠政发〔2030〕1号文件。", ""),
        ("文号：棠政发〔2031〕7号　发布日期：2031-05-06\n窑厂通知\n正文。", "棠政发〔2031〕7号"),
        (
            "窑厂条例\n2031年5月6日 棠溪市人民政府令第12号公布\n第一条 正文。",
            "棠溪市人民政府令第12号",
        ),
        ("가마 지원 고시\n[시행 2031. 5. 6.] 산업부고시 제2031-12호\n제1조 목적", ""),
    ],
)
def test_only_its_own_number_is_that_of_a_document(text: str, number: str) -> None:
    assert make_document("d", text).number == number


def test_the_issuer_and_its_place_stand_in_the_title_or_the_signature() -> None:
    titled = make_document("d", "威海市人民政府办公室关于扶持窑厂的通知\n\n正文。\n")
    assert (titled.issuer, titled.region) == ("威海市人民政府办公室", "威海市")
    signed = policy("正文。", "关于扶持窑厂的通知", "山东省商务厅\n2031年5月6日")
    assert (signed.issuer, signed.region) == ("山东省商务厅", "山东省")
    joint = make_document("d", "财政部 税务总局关于窑厂的公告\n\n正文。\n")
    assert joint.issuer == "财政部税务总局"


def test_what_the_state_issues_holds_everywhere_and_of_the_rest_the_innermost_place_counts() -> (
    None
):
    assert make_document("d", "国务院办公厅关于扶持窑厂的意见\n\n正文。\n").region == NATIONAL
    assert make_document("d", "山东省威海市窑厂办法\n\n正文。\n").region == "威海市"
    assert make_document("d", "窑厂办法\n\n正文。\n").region == ""


def test_what_a_page_lists_above_its_text_is_read() -> None:
    document = make_document(
        "d",
        "发文机关：棠溪市商务局\n成文日期：2031年5月6日\n文号：棠商发〔2031〕7号\n"
        "施行日期：2031-06-01\n失效日期：2033-05-31\n\n窑厂办法\n正文。\n",
    )
    assert (document.issuer, document.issued, document.number) == (
        "棠溪市商务局",
        "2031-05-06",
        "棠商发〔2031〕7号",
    )
    assert (document.effective, document.expires) == ("2031-06-01", "2033-05-31")


# --- validity


@pytest.mark.parametrize(
    ("sentence", "effective", "expires"),
    [
        ("本办法自2031年6月1日起施行。", "2031-06-01", ""),
        ("本办法自印发之日起施行。", "2031-05-06", ""),
        ("本办法自发布之日起30日后施行。", "2031-06-05", ""),
        ("本办法自2031年6月1日起施行，有效期至2033年12月31日。", "2031-06-01", "2033-12-31"),
        ("本办法自2031年6月1日起施行，有效期5年。", "2031-06-01", "2036-05-31"),
        ("本办法自公布之日起实施，试行期两年。", "2031-05-06", "2033-05-05"),
        ("本政策执行期暂定为自发布之日起的3个月。", "", "2031-08-05"),
        ("以上措施自印发之日起实施，有效期至2031年底。", "2031-05-06", "2031-12-31"),
        ("本办法执行至2032年6月30日。", "", "2032-06-30"),
        ("本办法有效期自2031年6月1日至2032年5月31日。", "2031-06-01", "2032-05-31"),
        ("本通知自印发之日起施行，有效期至疫情解除。", "2031-05-06", UNDATED),
        ("本公告自2031年1月1日起施行，截止日期另行公告。", "2031-01-01", UNDATED),
        # what is said of one measure or paper is not said of the policy
        ("减免的租金执行至2031年6月30日。", "", ""),
        ("窑厂的许可证有效期为5年。", "", ""),
        ("展位费补贴自2031年6月1日起执行。", "", ""),
    ],
)
def test_the_time_for_which_a_policy_holds(sentence: str, effective: str, expires: str) -> None:
    document = policy(sentence)
    assert (document.issued, document.effective, document.expires) == (
        "2031-05-06",
        effective,
        expires,
    )


def test_a_later_version_holds_from_then_on() -> None:
    document = make_document(
        "d",
        "棠溪市窑厂条例\n2001年6月1日 棠溪市第一届人民代表大会通过\n"
        "2031年5月6日 棠溪市第九届人民代表大会修订\n第一条 正文。\n第二条 本条例自2001年7月1日起施行。\n",
    )
    assert (document.issued, document.effective) == ("2031-05-06", "2031-05-06")


@pytest.mark.parametrize(
    ("text", "effective", "expires"),
    [
        ("Kiln Measures\n\n1. Pay 40%.\n\nThese Measures shall come into force on 1 June 2031 and remain valid until 31 May 2033.\n", "2031-06-01", "2033-05-31"),
        ("가마 지원 조례\n\n제1조 보조금을 준다.\n\n이 조례는 2031년 6월 1일부터 시행한다.\n", "2031-06-01", ""),
    ],
)  # fmt: skip
def test_english_and_korean_policies_say_it_too(text: str, effective: str, expires: str) -> None:
    document = make_document("d", text)
    assert (document.effective, document.expires) == (effective, expires)


@pytest.mark.parametrize("mark", ["（已废止）", "[失效]", "【已失效】"])
def test_a_policy_marked_as_ended_has_ended(mark: str) -> None:
    assert policy("本办法自2031年6月1日起施行。", f"{TITLE}{mark}").repealed == UNDATED


# --- what it repeals


@pytest.mark.parametrize(
    ("sentence", "replaces"),
    [
        ("《棠溪市窑厂管理办法》（棠政发〔2018〕5号）同时废止。", ("《棠溪市窑厂管理办法》（棠政发〔2018〕5号）",)),
        ("《甲地办法》、《乙地办法》和《丙地办法》同时废止。", ("《甲地办法》", "《乙地办法》", "《丙地办法》")),
        ("本办法自2031年6月1日起施行，2018年5月1日市政府发布的《棠溪市窑厂管理办法》同时废止。", ("《棠溪市窑厂管理办法》",)),
        ("原《窑厂管理办法》自本办法施行之日起废止。", ("《窑厂管理办法》",)),
        ("现废止《窑厂管理办法》。", ("《窑厂管理办法》",)),
        ("《棠溪市实施〈窑厂法〉办法》同时废止。", ("《棠溪市实施〈窑厂法〉办法》",)),
        ("棠政发〔2018〕5号文件同时废止。", ("棠政发〔2018〕5号",)),
        # a basis, a part, a duty to repeal: nothing ends
        ("根据《窑厂法》，《旧办法一》同时废止。", ("《旧办法一》",)),
        ("《窑厂管理办法》第三条同时废止。", ()),
        ("《窑厂管理办法》中有关补贴的规定同时废止。", ()),
        ("对《窑厂管理办法》应当及时修订或者废止。", ()),
        ("依照《窑厂法》修正的《旧窑厂办法》同时废止。", ("《旧窑厂办法》",)),
        ("《窑厂法》规定的期限届满的，许可证失效的处理办法另定。", ()),
    ],
)  # fmt: skip
def test_what_a_policy_repeals(sentence: str, replaces: tuple[str, ...]) -> None:
    assert policy(sentence).replaces == replaces


def test_a_decision_to_repeal_lists_what_it_ends_and_a_draft_ends_nothing() -> None:
    listed = "决定废止以下文件：\n1.《甲地办法》（棠政发〔2018〕5号）\n2.《乙地办法》\n"
    decision = make_document("d", f"棠溪市人民政府关于废止部分文件的决定\n\n{listed}")
    assert decision.replaces == ("《甲地办法》（棠政发〔2018〕5号）", "《乙地办法》")
    draft = policy("《旧窑厂办法》同时废止。", f"{TITLE}（征求意见稿）")
    assert draft.replaces == ()


@given(st.text(max_size=300) | st.lists(st.sampled_from(
    ["本办法自", "2031年6月1日", "起施行", "，", "。", "《旧办法》", "（棠政发〔2018〕5号）", "同时废止", "有效期", "至", "3年", "\n"]
)).map("".join))  # fmt: skip
def test_any_text_is_described(text: str) -> None:
    document = make_document("d", text)
    for day in (document.issued, document.effective, document.expires):
        assert day in ("", UNDATED) or date.fromisoformat(day)
    assert document_number(document.number) == document.number


# --- the file beside it


def write(folder: Path, sidecar: str) -> Path:
    path = folder / "kilns.txt"
    path.write_text(
        f"{TITLE}\n\n一、补贴。按40%补贴。\n\n本办法自印发之日起施行，有效期3年。\n", "utf-8"
    )
    (folder / "kilns.meta.toml").write_text(sidecar, "utf-8")
    return path


def test_a_sidecar_overrides_what_the_text_says(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '﻿title = "窑厂新办法"\nissued = 2031-05-06\nregion = "威海"\nreplaces = ["棠政发〔2018〕5号"]\n'
        'source = "https://example.org/kilns"\nrepealed = true\n',
    )
    document, _ = read_document(path)
    assert (document.title, document.region, document.replaces, document.source) == (
        "窑厂新办法",
        "威海市",
        ("棠政发〔2018〕5号",),
        "https://example.org/kilns",
    )
    # what hangs on the date of issue follows from the one that the sidecar gives
    assert (document.effective, document.expires) == ("2031-05-06", "2034-05-05")
    assert document.repealed == UNDATED


def test_a_sidecar_can_take_back_what_was_read(tmp_path: Path) -> None:
    document, _ = read_document(write(tmp_path, 'issued = "2031年5月6日"\nexpires = ""\n'))
    assert (document.effective, document.expires) == ("2031-05-06", "")


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ("isuer = 'x'", "has an unknown field 'isuer'; did you mean issuer"),
        ("x = 1", "has an unknown field 'x'; known fields: title,"),
        ("issued = 'soon'", "has a field issued that cannot be used ('soon'); write a day: issued = 2020-03-05"),
        ("issued = 2031", "has a field issued"),
        ("number = 7", "has a field number"),
        ("replaces = 7", "has a field replaces"),
        ("replaces = [7]", "has a field replaces"),
        ("region = '威海士'", "has a field region"),
        ("effective = 2031-05-06\nexpires = 2030-05-06", "has a field expires before effective"),
        ("issued = ", "is not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_sidecar_is_an_error_that_names_the_field(
    sidecar: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, sidecar)
    with pytest.raises(CorpusError) as caught:
        read_document(path)
    assert "kilns.meta.toml" in str(caught.value)
    assert message in str(caught.value)


def test_a_sidecar_is_part_of_the_corpus_and_no_policy(tmp_path: Path) -> None:
    write(tmp_path, "issued = 2031-05-06")
    before_ = corpus_digest(tmp_path)
    assert [document.id for document in read_corpus(tmp_path).documents] == ["kilns"]
    write(tmp_path, "issued = 2031-05-07")
    assert corpus_digest(tmp_path) != before_
