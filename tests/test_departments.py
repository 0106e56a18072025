"""Whom a note names, and who of them leads."""

from __future__ import annotations

import pytest

from qa.clauses import split
from qa.languages import NOTES
from qa.notes import read
from qa.types import Document, Language


def names(note: str, language: Language = "zh") -> list[str]:
    """The names in a note; those that lead with an asterisk."""
    return ["*" * name.lead + name.text for name in read(note, NOTES[language])]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("责任单位：市商务局、市财政局", ["市商务局", "市财政局"]),
        ("责任部门:市商务局，市财政局等", ["市商务局", "市财政局"]),
        ("责任单位：市商务局 市财政局", ["市商务局", "市财政局"]),
        ("责任单位：市商务局、市税务局等有关部门", ["市商务局", "市税务局"]),
        ("牵头单位：市商务局；配合单位：市财政局、市税务局", ["*市商务局", "市财政局", "市税务局"]),
        ("市发展改革委牵头，会同市财政局等部门落实", ["*市发展改革委", "市财政局"]),
        ("市商务局、南昌海关牵头", ["*市商务局", "*南昌海关"]),
        ("市商务局牵头市财政局、市税务局配合", ["*市商务局", "市财政局", "市税务局"]),
        ("由市公安局、市人社局负责", ["市公安局", "市人社局"]),
        ("责任单位：市财政局（牵头）、市商务局", ["*市财政局", "市商务局"]),
        ("责任单位：市商务局；完成时限：2024年12月底前；联系人：张三", ["市商务局"]),
        ("责任单位：市商务局，2024年底前完成", ["市商务局"]),
        ("主办单位：市商务局；协办单位：市贸促会", ["*市商务局", "市贸促会"]),
        ("【责任部门】市商务局、市财政局", ["市商务局", "市财政局"]),
        ("责任单位为市商务局，各区政府", ["市商务局", "各区政府"]),
        ("市商务局负责牵头，市财政局配合", ["*市商务局", "市财政局"]),
        (
            "责任单位：市商务局、市财政局（共同牵头），市税务局",
            ["*市商务局", "*市财政局", "市税务局"],
        ),
        ("市商务局、市税务局会同有关部门负责", ["市商务局", "市税务局"]),
        ("市公安局、市法院依法办理", ["市公安局", "市法院"]),
        ("责任领导：张三 牵头单位：市商务局 配合单位：市财政局", ["*市商务局", "市财政局"]),
        ("市商务局牵头，各区政府负责，每年汛期前完成", ["*市商务局", "各区政府"]),
        ("市级牵头单位：市商务局；区级责任单位：各区政府", ["*市商务局", "各区政府"]),
        ("责任单位：市商务局；政策咨询电话：12345", ["市商务局"]),
        ("政策咨询单位：市商务局，服务热线：12345", ["市商务局"]),
    ],
)
def test_labels_and_words_of_role(note: str, expected: list[str]) -> None:
    assert names(note) == expected


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("责任单位：市委组织部（市委人才办）、市人社局", ["市委组织部（市委人才办）", "市人社局"]),
        ("责任单位：市商务局，各区、县（市）政府", ["市商务局", "各区、县（市）政府"]),
        (
            "责任单位：各市、县〔区〕人民政府、赣江新区管委会",
            ["各市、县〔区〕人民政府", "赣江新区管委会"],
        ),
        ("责任单位：各区人民政府〈含开发区、风景区管委会,下同〉", ["各区人民政府"]),
        (
            "责任单位：市自然资源和规划局、市住房和城乡建设局",
            ["市自然资源和规划局", "市住房和城乡建设局"],
        ),
        ("责任单位：市商务局和市财政局", ["市商务局", "市财政局"]),
        ("各有关部门和单位按职责分工负责", ["各有关部门和单位"]),
        ("国务院相关部门和单位及各地区按职责分工负责", ["国务院相关部门和单位", "各地区"]),
        ("住房城乡建设部等国务院相关部门及各地区按职责分工负责", ["住房城乡建设部", "各地区"]),
        ("责任单位：市平等协商办、高等院校", ["市平等协商办", "高等院校"]),
        ("责任单位：广州、佛山、深圳市政府", ["广州市政府", "佛山市政府", "深圳市政府"]),
        ("责任单位：两江新区、高新区管委会", ["两江新区管委会", "高新区管委会"]),
        ("责任单位：市文明办，各区党委、政府", ["市文明办", "各区党委、政府"]),
        ("责任单位：市商务局，各县、市、区政府", ["市商务局", "各县、市、区政府"]),
        ("责任单位：市商务局，各县区、开发区管委会", ["市商务局", "各县区", "开发区管委会"]),
        ("责任单位：各区市、开发区、高新区", ["各区市", "开发区", "高新区"]),
        ("责任单位：城东区、棠溪市人民政府", ["城东区人民政府", "棠溪市人民政府"]),
        ("责任单位：市财政、各区政府", ["市财政", "各区政府"]),
        ("責任機關：經濟部、財政部；協辦機關：勞動部", ["經濟部", "財政部", "勞動部"]),
        ("责任单位：市商\u200b务局、市财政局", ["市商务局", "市财政局"]),
    ],
)
def test_a_name_is_neither_cut_nor_joined_to_another(note: str, expected: list[str]) -> None:
    assert names(note) == expected


@pytest.mark.parametrize(
    "bracket",
    [
        "以下简称市商务局",
        "由市商务局负责解释",
        "含市商务局",
        "企业牵头",
        "市级财政负责",
        "N95、KN95",
        "2020年底前",
        "责任部门",
        "加油站、充电站、换电设施",
    ],
)
def test_a_bracket_of_another_kind_is_no_note(bracket: str) -> None:
    assert names(bracket) == []


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (
            "Responsible departments: Bureau of Commerce, Bureau of Finance and Weihai Customs",
            ["Bureau of Commerce", "Bureau of Finance", "Weihai Customs"],
        ),
        (
            "Responsible: Bureau of Culture, Radio and Tourism",
            ["Bureau of Culture, Radio and Tourism"],
        ),
        (
            "Lead department: Ministry of Industry and Information Technology; "
            "supporting departments: Customs Office, etc.",
            ["*Ministry of Industry and Information Technology", "Customs Office"],
        ),
        (
            "The Customs Office takes the lead; the Commerce Bureau assists",
            ["*Customs Office", "Commerce Bureau"],
        ),
    ],
)
def test_english_notes(note: str, expected: list[str]) -> None:
    assert names(note, "en") == expected


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("담당부서: 경제정책과, 기업지원과 등", ["경제정책과", "기업지원과"]),
        ("주관부서: 상무국, 협조부서: 재정국·관세청", ["*상무국", "재정국", "관세청"]),
        ("기획재정부 및 관세청 소관", ["기획재정부", "관세청"]),
        ("소관부서: 항만물류과(주관), 해운과", ["*항만물류과", "해운과"]),
        ("주관: 경제정책과 / 협조: 시·군", ["*경제정책과", "시·군"]),
    ],
)
def test_korean_notes(note: str, expected: list[str]) -> None:
    assert names(note, "ko") == expected


@pytest.mark.parametrize(
    ("rule", "lead"),
    [
        ("列第一位的为牵头单位，下同", ("市商务局",)),
        ("排在首位的单位为牵头单位", ("市商务局",)),
        ("逗号前的为牵头单位", ("市商务局", "市财政局")),
        ("排名不分先后", ()),
    ],
)
def test_a_rule_said_once_tells_who_leads_everywhere(rule: str, lead: tuple[str, ...]) -> None:
    text = (
        f"一、甲事。支持甲。（责任单位：市税务局。{rule}）\n"
        "二、乙事。支持乙。（责任单位：市商务局、市财政局，市人社局）\n"
        "三、丙事。支持丙。（责任单位：各区政府，市人社局）"
    )
    clauses = split(Document("doc", "zh", "", text))
    assert clauses[0].departments == ("市税务局",)
    assert clauses[1].lead == lead
    assert clauses[2].lead == ()


def test_a_bare_bracket_with_such_a_rule_is_a_note_too() -> None:
    text = (
        "一、甲事。支持甲。（市商务局、市财政局，列第一位的为牵头单位，下同）\n"
        "二、乙事。支持乙。（市税务局、市财政局）\n三、丙事。支持丙。（市人社局）"
    )
    clauses = split(Document("doc", "zh", "", text))
    assert [(clause.departments, clause.lead) for clause in clauses] == [
        (("市商务局", "市财政局"), ("市商务局",)),
        (("市税务局", "市财政局"), ("市税务局",)),
        (("市人社局",), ("市人社局",)),
    ]


def test_a_dash_may_stand_before_the_label() -> None:
    (clause,) = split(Document("doc", "zh", "", "一、甲事。支持甲。\n——责任单位：市商务局"))
    assert clause.departments == ("市商务局",)


def test_several_notes_of_a_clause_are_taken_together_and_located() -> None:
    text = "一、算力。建平台。（责任单位：市数据局）发券。（责任单位：各区政府、市数据局）"
    (clause,) = split(Document("doc", "zh", "", text))
    assert clause.departments == ("市数据局", "各区政府")
    assert [clause.text[start:end] for start, end in clause.notes] == [
        "（责任单位：市数据局）",
        "（责任单位：各区政府、市数据局）",
    ]


def test_offices_named_in_sentences_are_not_the_departments() -> None:
    (clause,) = split(
        Document("doc", "zh", "", "一、展会。市商务局会同市财政局审核，由市商务局负责组织。")
    )
    assert clause.departments == ()


def test_whole_sentences_name_the_departments_where_that_is_the_habit() -> None:
    text = (
        "一、甲事。支持甲。由市商务局、市财政局分别负责。\n"
        "二、乙事。支持乙。以上由市税务局牵头，市财政局配合。\n"
        "三、丙事。支持丙。有关单位按职责分工负责。\n"
        "四、附则。本措施由市商务局负责解释。"
    )
    clauses = split(Document("doc", "zh", "", text))
    assert [(clause.departments, clause.lead) for clause in clauses] == [
        (("市商务局", "市财政局"), ()),
        (("市税务局", "市财政局"), ("市税务局",)),
        (("有关单位",), ()),
        ((), ()),
    ]
    assert clauses[0].wording() == "支持甲。"
