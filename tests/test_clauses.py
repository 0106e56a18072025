"""How documents are split into clauses, told by small documents in the styles that occur."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.clauses import remainder, split
from qa.types import LANGUAGES, Clause, Document, Language

FIXTURES = sorted((Path(__file__).parent / "fixtures" / "clauses").glob("*.txt"))
# Elsewhere only the lines tell headings, contents, a signature, a table or a number without
# punctuation from the clauses around them.
FLATTENED = [
    path
    for path in FIXTURES
    if path.name.startswith("zh")
    and not path.stem.endswith(
        (
            "restarted_lists", "articles_with_items", "with_measures", "hard_wrapped_lines",
            "hard_wrapped_pages", "table_of_departments", "table_by_ideographs", "no_numbers",
            "numbers_without_punctuation", "persons_and_deadlines",
        )
    )
]  # fmt: skip


def document(text: str, language: Language = "zh") -> Document:
    return Document("doc", language, "", text)


def numbers(text: str, language: Language = "zh") -> list[str]:
    return [clause.number for clause in split(document(text, language))]


# --- whole documents ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_documents_of_many_styles_are_split_as_labelled(path: Path) -> None:
    language: Language = path.name[:2]  # type: ignore[assignment]
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    found = split(document(path.read_text(encoding="utf-8"), language))
    assert [describe(clause) for clause in found] == expected


def describe(clause: Clause) -> dict[str, object]:
    return {
        "number": clause.number,
        "path": list(clause.path),
        "title": clause.title,
        "begins": clause.text[clause.body_start :][:12],
        "ends": clause.text[-8:],
        "departments": list(clause.departments),
        "lead": list(clause.lead),
    }


@pytest.mark.parametrize("path", FLATTENED, ids=lambda path: path.stem)
@pytest.mark.parametrize("joint", ["", " ", "\u3000\u3000", "\n\n"], ids=repr)
def test_clauses_and_departments_survive_lost_line_breaks(path: Path, joint: str) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    flat = split(document(joint.join(lines)))
    lined = split(document(text))
    assert [(c.number, c.departments, c.lead) for c in flat] == [
        (c.number, c.departments, c.lead) for c in lined
    ]


@pytest.mark.parametrize("width", [28, 34, 41])
@pytest.mark.parametrize("path", FLATTENED, ids=lambda path: path.stem)
def test_clauses_and_departments_survive_hard_line_breaks(path: Path, width: int) -> None:
    text = path.read_text(encoding="utf-8")
    wrapped = "\n".join(
        "\n".join(line[at : at + width] for at in range(0, max(len(line), 1), width))
        for line in text.split("\n")
    )
    lined = split(document(text))
    assert [(c.number, c.departments, c.lead) for c in split(document(wrapped))] == [
        (c.number, c.departments, c.lead) for c in lined
    ]


# --- what is a number, and what only looks like one ----------------------------------------------


@pytest.mark.parametrize(
    "inside",
    [
        "依照第二条规定办理",
        "按照第二条、第三条执行",
        "一是扩大进口，二是稳定出口，三是用好展会",
        "支持一、二类企业",
        "增长1.5%，达到2.3亿元",
        "自2020.2.14起",
        "参见国发〔2020〕2号第（二）项",
        "初中一、二年级",
        "上述（一）、（二）项",
    ],
)
def test_a_number_in_a_sentence_opens_no_clause(inside: str) -> None:
    text = f"第一条 企业{inside}。第二条 本办法自发布之日起施行。"
    assert numbers(text) == ["第一条", "第二条"]


def test_a_skipped_and_a_repeated_number_do_not_stop_the_list() -> None:
    assert numbers("一、甲事。\n二、乙事。\n四、丁事。\n四、戊事。\n五、己事。") == list(
        "一二四四五"
    )


def test_repeated_numbers_get_ids_of_their_own() -> None:
    clauses = split(
        document("一、甲\n1.子。\n2.丑。\n二、乙\n1.寅。\n2.卯。\n二、丙\n1.辰。\n2.巳。")
    )
    assert [clause.id for clause in clauses] == [
        "doc#一/1", "doc#一/2", "doc#二/1", "doc#二/2", "doc#二/1~2", "doc#二/2~2",
    ]  # fmt: skip


def test_items_inside_a_clause_that_carries_the_note_stay_inside() -> None:
    text = (
        "一、奖励。\n（1）首次的，奖2万元；\n（2）再次的，奖1万元。（责任单位：市商务局）\n"
        "二、贴息。贴息3%。（责任单位：市财政局）"
    )
    assert numbers(text) == ["一", "二"]


def test_items_with_notes_of_their_own_are_the_clauses() -> None:
    text = (
        "一、奖励\n（1）首次的，奖2万元。（责任单位：市商务局）\n"
        "（2）再次的，奖1万元。（责任单位：市财政局）"
    )
    clauses = split(document(text))
    assert [(c.path, c.number) for c in clauses] == [
        (("一、奖励",), "（1）"),
        (("一、奖励",), "（2）"),
    ]


def test_a_note_after_the_last_item_of_every_unit_is_the_note_of_the_unit() -> None:
    text = (
        "一、支持参展\n1.标准：展位费补助八成，每个展位不超过三万元。\n2.条件：在本市注册的外贸企业。\n"
        "（责任单位：市商务局）\n"
        "二、支持投保\n1.标准：保费补助五成，每家不超过五十万元。\n2.条件：在本市投保的外贸企业。\n"
        "（责任单位：市财政局）"
    )
    assert numbers(text) == ["一", "二"]


def test_a_unit_that_holds_twice_the_usual_before_a_gap_is_two_clauses() -> None:
    text = (
        "一、甲事。支持甲。（责任单位：市商务局）\n二、乙事。支持乙。（责任单位：市商务局）\n"
        "丙事。支持丙。（责任单位：市财政局）\n四、丁事。支持丁。（责任单位：市税务局）"
    )
    clauses = split(document(text))
    assert [(c.id, c.number, c.title) for c in clauses] == [
        ("doc#一", "一", "甲事"),
        ("doc#二", "二", "乙事"),
        ("doc#[3]", "", "丙事"),
        ("doc#四", "四", "丁事"),
    ]


def test_a_number_without_punctuation_counts_at_the_beginning_of_a_line_only() -> None:
    assert numbers("1甲事。支持3家企业。\n2乙事。2年内补助。\n3丙事。") == ["1", "2", "3"]
    assert numbers("支持1家企业，2家园区。奖励3次。") == []


@pytest.mark.parametrize("title", ["任务清单", "工作计划", "总体规划", "扩大开放重大举措"])
def test_a_list_begins_right_after_a_title(title: str) -> None:
    assert numbers(f"某市{title}一、甲事。支持甲。二、乙事。支持乙。") == ["一", "二"]


def test_a_row_of_a_table_names_the_departments_of_the_clause_it_is_about() -> None:
    text = (
        "一、任务\n1.建设平台。打通接口。\n2.设立基金。扩大贷款。\n二、保障\n1.加强督查。每月通报。\n"
        "附件\n任务分工表\n序号|任务|牵头单位|配合单位\n1|建设平台|市数据局|市商务局\n"
        "2|设立基金|市财政局|市国资委、市审计局"
    )
    assert [(c.number, c.departments, c.lead) for c in split(document(text))] == [
        ("1", ("市数据局", "市商务局"), ("市数据局",)),
        ("2", ("市财政局", "市国资委", "市审计局"), ("市财政局",)),
        ("1", (), ()),
    ]


# --- where a clause ends -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        "\n某市人民政府\n2020年2月14日",
        "\n附件：1.清单\n2.表格",
        "\n附件1\n任务分工表\n1.打通接口",
        "\n本政策执行期暂定为自发布之日起6个月。",
        "\n特此通知。\n（此件公开发布）",
        "本措施自2024年5月1日起施行。",
        "\n上一篇：某通知\n下一篇：某公告",
        "\n主办：某市政府 承办：某市数据局",
    ],
)
def test_the_last_clause_ends_before_what_follows_it(after: str) -> None:
    text = f"前言。\n一、甲事。支持甲。\n二、乙事。支持乙。{after}"
    clauses = split(document(text))
    assert [clause.text for clause in clauses] == ["一、甲事。支持甲。", "二、乙事。支持乙。"]
    assert remainder(document(text), clauses)[-1][1] == len(text)


def test_a_closing_without_line_break_ends_a_note_without_brackets() -> None:
    text = (
        "一、甲事。支持甲。 责任单位：市商务局 "
        "二、乙事。支持乙。 责任单位：市财政局 本政策执行期为三年。"
    )
    assert [(clause.text[-8:], clause.departments) for clause in split(document(text))] == [
        ("责任单位：市商务局"[-8:], ("市商务局",)),
        ("责任单位：市财政局"[-8:], ("市财政局",)),
    ]


def test_an_indent_in_running_text_is_a_lost_line_break() -> None:
    assert numbers("关于服务企业的通知　　一、甲事　　支持甲　　二、乙事　　支持乙") == ["一", "二"]


FLAT = (
    "关于服务外贸企业的通知 各区政府： 为稳定外贸，现通知如下。"
    " 一、{first} 各区要组织专人上门走访外贸企业，收集困难，建立台账，逐项销号，每周通报一次进展情况。"
    " 二、{second} 对受理的诉求，三个工作日内答复；不能解决的，说明理由，并报市商务局备案，不得推诿拖延。"
    " 三、开展上门宣传 组织宣讲队进园区、进企业，把政策送到每一家外贸企业，让企业看得懂、算得清、用得上。"
    "{after}"
)


@pytest.mark.parametrize(
    "after",
    [
        " 某市商务局 2021年5月6日",
        " 某市商务局 某市财政局 2021年 5月6日 （此件公开发布）",
        " 各区要高度重视，把服务企业作为当前的重要工作，确保落实到位。 某市商务局 2021年5月6日",
        " 特此通告。 扫一扫在手机打开当前页",
        "　　某市商务局　　　　　　2021年5月6日",
        " 附件：1.企业名单 2.诉求台账",
        "       联系人：张三",
    ],
)
def test_the_last_clause_of_a_flattened_text_ends_before_what_follows_it(after: str) -> None:
    text = FLAT.format(first="组织走访企业", second="限时答复诉求", after=after)
    clauses = split(document(text))
    assert [clause.number for clause in clauses] == ["一", "二", "三"]
    assert clauses[-1].text.endswith("用得上。")


def test_a_heading_of_a_flattened_text_ends_at_the_gap() -> None:
    first, second = "提高站位，全面走访本区各类外贸企业和外资企业", "实行“两手抓”，限时答复诉求"
    clauses = split(document(FLAT.format(first=first, second=second, after="")))
    assert [clause.title for clause in clauses] == [first, second, "开展上门宣传"]


def test_gaps_in_a_paragraph_of_a_text_with_lines_are_no_line_breaks() -> None:
    text = "一、支持 参展。补助 八成。\n二、支持投保。补助 五成。"
    assert [clause.text for clause in split(document(text))] == text.split("\n")


def test_a_numbered_closing_is_a_clause() -> None:
    assert numbers("一、甲事。支持甲。\n二、本措施自2024年5月1日起施行。") == ["一", "二"]
    *_, last = split(document("一、甲事。支持甲。\n二、附则。本措施自2024年5月1日起施行。"))
    assert (last.title, last.text[last.body_start :]) == ("附则", "本措施自2024年5月1日起施行。")


def test_a_page_number_is_no_part_of_a_name_that_it_cuts() -> None:
    text = (
        "一、甲事。支持甲类企业发展壮大，给予补助三十万元。\n"
        "二、乙事。支持乙类企业发展壮大，责任单位：市商务\n- 3 -\n局、市财政局\n"
        "三、丙事。支持丙类企业发展壮大。（责任单位：市市\n场监管局、市税务局、市人力资源和社会保\n"
        "障局、市住房和城乡建设局、市教育局、市水\n务局、市民政局）"
    )
    assert "市市场监管局" in split(document(text))[-1].departments


@pytest.mark.parametrize(
    "contents",
    [
        "目录\n一、甲事………………1\n二、乙事………………2\n",
        "目  次\n一、甲事\n二、乙事\n",
        "一、甲事\n二、乙事\n",
        "一、甲事\t1\n二、乙事\t2\n",
    ],
)
def test_contents_are_no_clauses(contents: str) -> None:
    clauses = split(document(f"{contents}一、甲事\n支持甲。\n二、乙事\n支持乙。"))
    assert [clause.start >= len(contents) for clause in clauses] == [True, True]


@pytest.mark.parametrize("begins", ["1月31日起", "2020年起", "30%的", "5个工作日内"])
def test_a_heading_with_a_number_after_a_wide_gap_is_no_entry_of_contents(begins: str) -> None:
    assert numbers(f"一、甲事      {begins}支持甲。\n二、乙事\n支持乙。") == ["一", "二"]


# --- titles ------------------------------------------------------------------------------------


def test_a_first_sentence_is_no_title_where_most_clauses_have_none() -> None:
    text = (
        "一、企业应当登记来客的姓名和住址。登记簿保存一年。\n二、来客应当出示证件。\n"
        "三、场馆每日消毒两次。\n四、食堂分时就餐。\n五、车间保持通风。"
    )
    assert [clause.title for clause in split(document(text))] == [""] * 5


def test_a_brief_first_sentence_is_a_title_even_there() -> None:
    text = (
        "一、登记来客。登记簿保存一年，来客应当出示证件。\n二、来客应当出示证件。\n"
        "三、场馆每日消毒两次。\n四、食堂分时就餐。\n五、车间保持通风。"
    )
    assert [clause.title for clause in split(document(text))] == ["登记来客", "", "", "", ""]


# --- what is left over -------------------------------------------------------------------------


def test_a_text_without_numbers_is_all_remainder() -> None:
    text = "  关于放假的通知\n各单位：请妥善安排。 "
    assert split(document(text)) == ()
    assert remainder(document(text), ()) == ((2, len(text) - 1),)


def test_the_remainder_is_what_neither_clauses_nor_headings_cover() -> None:
    text = (
        "前言。\n一、要务\n引导段。\n（一）甲事。支持甲。（责任单位：市商务局）\n"
        "（二）乙事。支持乙。（责任单位：市商务局）\n某市政府\n2024年1月2日"
    )
    spans = remainder(document(text), split(document(text)))
    assert [text[start:end] for start, end in spans] == [
        "前言。",
        "引导段。",
        "某市政府\n2024年1月2日",
    ]


# --- any text ----------------------------------------------------------------------------------

FRAGMENTS = (
    "一、", "二、", "（一）", "（二）", "1.", "2．", "3、", "(1)", "①", "第一条", "第二条 ",
    "第一章", "1.1 ", "Article 1 ", "(a) ", "제1조(목적) ", "가. ", "\n", "。", "；", "：",
    "（", "）", "〔", "】", " ", "责任单位：", "牵头", "市商务局", "、", "（责任单位：市财政局）",
    "附件1\n", "附件：", "目录\n", "序号|任务|牵头单位\n1|甲|市商务局\n", "- 3 -\n", "由", "负责。", "……3", "2020年2月3日\n", "市政府\n",
    "本措施自发布之日起施行。", "列第一位的为牵头单位", "Responsible departments: ",
    "담당부서: ", "支持企业", "等", "及",
)  # fmt: skip
hostile = st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(hostile, st.text(max_size=200)), language=st.sampled_from(LANGUAGES))
def test_any_text_is_split_into_exact_ordered_slices(text: str, language: Language) -> None:
    source = document(text, language)
    clauses = split(source)
    position = 0
    for clause in clauses:
        assert position <= clause.start < clause.end <= len(text)
        assert clause.text == text[clause.start : clause.end]
        assert clause.title == clause.text[clause.title_start : clause.title_end]
        assert 0 <= clause.title_start <= clause.title_end <= clause.body_start <= len(clause.text)
        assert all(0 <= start < end <= len(clause.text) for start, end in clause.notes)
        assert set(clause.lead) <= set(clause.departments)
        assert all(heading in text for heading in clause.path)
        position = clause.end
    assert len({clause.id for clause in clauses}) == len(clauses)
    left = remainder(source, clauses)
    assert all(0 <= start < end <= len(text) for start, end in left)
    assert list(left) == sorted(left)


# --- documents that are tables


def read_out(text: str) -> list[tuple[str, tuple[str, ...], str, tuple[str, ...]]]:
    """Number, headings, title and departments of each clause of a text."""
    return [(c.number, c.path, c.title, c.departments) for c in split(document(text))]


@pytest.mark.parametrize("border", ["\t", "|", " | "])
def test_the_rows_of_a_document_that_is_a_table_are_its_clauses(border: str) -> None:
    rows = [
        ["序号", "领域", "政策名称", "支持标准", "牵头单位"],
        ["1", "外贸", "首次参展", "每家五万元", "市商务局"],
        ["2", "外贸", "新增出口", "每美元三分", "市商务局、市财政局"],
        ["3", "融资", "贷款贴息", "贴息一个百分点", "市金融监管局"],
    ]
    text = "扶持政策清单\n" + "\n".join(border.join(row) for row in rows)
    assert read_out(text) == [
        ("1", ("扶持政策清单", "外贸"), "首次参展", ("市商务局",)),
        ("2", ("扶持政策清单", "外贸"), "新增出口", ("市商务局", "市财政局")),
        ("3", ("扶持政策清单", "融资"), "贷款贴息", ("市金融监管局",)),
    ]


def test_a_table_below_numbered_clauses_gives_no_clauses_of_its_own() -> None:
    text = (
        "一、参展。给予参展企业展位费补助，同一展会只补助一次。\n二、投保。给予投保企业保费补助，直接抵扣。\n"
        "附件\n序号\t任务\t牵头单位\n一\t参展\t市商务局\n二\t投保\t市财政局\n"
    )
    assert [number for number, *_ in read_out(text)] == ["一", "二"]


def test_questions_and_answers_are_clauses() -> None:
    text = "夜市问答\n\n问：几点收摊？\n答：十八时。\n\n问：要办证吗？\n答：要。\n找市场监管局：二楼。\n"
    clauses = split(document(text))
    assert [(clause.title, clause.wording()) for clause in clauses] == [
        ("几点收摊？", "答：十八时。"),
        ("要办证吗？", "答：要。\n找市场监管局：二楼。"),
    ]


def test_a_notice_with_its_place_and_time_is_no_table() -> None:
    assert split(document("座谈会通知\n\n时间：周五\n地点：市政府二楼\n")) == ()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("措施一：参展\n给予补助。\n措施二：投保\n给予补助。\n", ["措施一", "措施二"]),
        ("第１条　夜市收费。\n第２条　夜市卫生。\n", ["第１条", "第２条"]),
        ("【1】参展\n给予补助。\n【2】投保\n给予补助。\n", ["【1】", "【2】"]),
        ("Ⅰ、参展。给予补助。\nⅡ、投保。给予补助。\n", ["Ⅰ", "Ⅱ"]),
        ("1️⃣ 参展\n给予补助。\n2️⃣ 投保\n给予补助。\n", ["1️⃣", "2️⃣"]),
        ("第9999条 夜市收费。\n第10000条 夜市卫生。\n", ["第9999条", "第10000条"]),
        ("政策一览\n一、参展。\n二、投保。\n", ["一", "二"]),
    ],
)
def test_numbers_of_unusual_styles_open_clauses(text: str, numbers: list[str]) -> None:
    assert [clause.number for clause in split(document(text))] == numbers


def test_departments_behind_a_bullet_are_read() -> None:
    text = "一、参展。给予补助。\n　　▲责任单位：市商务局\n二、投保。给予补助。\n　　▲责任单位：市财政局\n"
    assert [clause.departments for clause in split(document(text))] == [
        ("市商务局",),
        ("市财政局",),
    ]


@pytest.mark.parametrize(
    "fragment",
    [
        "（一）", "责任单位：", "责任单位：；", "一、\n", "（", "（责任单位：市商务局）",
        "（" * 50 + "）" * 50, "一、（一）1.（1）①", "附件1\n", "市政府\n2020年2月3日\n",
        "第一条", "。（市商务局、市财政局）", "一、扩大。\n2020年2月3日\n", "目录\n一、总\n",
        "a", "Article 1 ", "1|甲|市商务局\n", "序号|任务|牵头单位\n1|甲|市商务局\n1.甲\n", "市商务局负责。",
        "\t", "\xa0", "\n", "问：甲\n答：乙\n\n", "甲：乙\n", "▲", "【1】", "措施一：甲。",
        "市 商 务 局 ", "甲。 乙。 ", "甲。 一、乙 丙", "甲。 2020年2月3日 ", "甲。    ", "- 3 -\n", "1.甲\n3.乙\n", "支持企业扩大出口规模提升质量效益水平和能力\n",
    ],
    ids=lambda fragment: repr(fragment[:12]),
)  # fmt: skip
def test_time_grows_with_the_length_and_no_faster(fragment: str) -> None:
    def seconds(length: int) -> float:
        source = document((fragment * (length // len(fragment) + 1))[:length])
        began = time.process_time()
        split(source)
        return time.process_time() - began

    short, long = seconds(10_000), seconds(100_000)
    assert long < 40 * short + 0.5  # ten times the text; a quadratic cost would be a hundredfold


# --- a sentence for a whole section ------------------------------------------------------------

SHARED = """棠溪市窑厂扶持办法

一、扩大生产
以下任务均由市商务局牵头，市财政局配合。
（一）改造窑炉，更新设备。
（二）组织参展，开拓市场。
二、优化服务
（一）减少材料，简化手续。
（二）缩短时间，两天内办结。
以上措施由市行政审批局负责。
三、加强保障
（一）成立专班，定期会商。
（二）以上措施由市政府办负责宣传，扩大影响。
"""


def test_a_sentence_gives_its_departments_to_the_clauses_of_its_section() -> None:
    found = [(c.path[-1][:1], c.departments, c.lead) for c in split(document(SHARED))]
    assert found == [
        ("一", ("市商务局", "市财政局"), ("市商务局",)),
        ("一", ("市商务局", "市财政局"), ("市商务局",)),
        ("二", ("市行政审批局",), ()),
        ("二", ("市行政审批局",), ()),
        ("三", (), ()),  # what stands in a clause is said of that clause
        ("三", (), ()),
    ]


def test_a_clause_with_a_note_of_its_own_keeps_it() -> None:
    text = SHARED.replace("更新设备。", "更新设备。（责任单位：市工信局）")
    text = text.replace("开拓市场。", "开拓市场。（责任单位：市贸促会）")
    assert [c.departments for c in split(document(text))][:2] == [("市工信局",), ("市贸促会",)]
