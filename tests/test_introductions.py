"""Names by which people introduce themselves are found; what only looks like one is not."""

from __future__ import annotations

import pytest

from qa.config import ROOT
from qa.introductions import names
from qa.privacy import NAME, mask

INTRODUCED = (
    ("我叫", "王小明", "，想问出口退税"),
    ("我叫", "王小明", "想问一下退税"),
    ("你好我叫", "李娜", "在威海做外贸"),
    ("姓名：", "张三", ""),
    ("姓名：", "张三", "，电话请问税务局"),
    ("姓名: ", "欧阳娜娜", " 性别女"),
    ("本人姓名为", "刘德华", "，"),
    ("我的名字是", "阿卜杜拉·买买提", "，来自新疆"),
    ("联系人：", "李四", ""),
    ("我叫", "John Smith", "，在威海"),
    ("我叫", "王明", "的公司"),
    ("저는 ", "김철수", "입니다"),
    ("저는 ", "김철수", "입니다. 수출 환급은 얼마나 걸리나요?"),
    ("제 이름은 ", "이영희", "이고 수출 회사를 합니다"),
    ("이름: ", "홍길동", ""),
    ("성명 : ", "남궁민수", " 전화 주세요"),
    ("저는 ", "박지민", "이라고 합니다"),
    ("담당자: ", "최수연", ""),
    ("my name is ", "John Smith", ""),
    ("My name is ", "Kim Min-su", " from Seoul."),
    ("my name is ", "john smith", ", how do I"),
    ("My name's ", "Li Wei", ". How do I apply?"),
    ("Name: ", "John Q. Public", ""),
    ("I am ", "Mr. John Smith", " from ABC Trading"),
    ("hello, my name is ", "anna", " and i export"),
)

NO_NAMES = (
    "我叫了货代来报关",
    "我叫高管来签字",
    "我叫什么都行",
    "公司姓名：华盛贸易有限公司",
    "负责人：商务局",
    "申请人为中小企业",
    "申请人是高校毕业生，能补贴吗",
    "联系人：金融办",
    "经办人：高新区",
    "联系人是谁",
    "户名：华盛贸易有限公司",
    "法定代表人变更怎么办",
    "负责人应当是什么人",
    "姓名要填在哪里",
    "姓名和身份证号要提供吗",
    "我是高新区企业，想问补贴",
    "我是安徽人",
    "张家口的企业能申请吗",
    "办税员安排谁去",
    "申请人须在通知发布后提出",
    "联系人安排专人负责",
    "负责人时间安排",
    "联系人姓名要写吗",
    "저는 이민자입니다",
    "저는 유학생입니다",
    "저는 공무원입니다",
    "저는 강원도입니다",
    "저는 한국인입니다",
    "저는 주식회사 한화입니다",
    "회사 이름은 한미약품입니다",
    "파일 이름은 이미지입니다",
    "정책 이름은 무엇입니까",
    "이름은 무엇인가요",
    "담당자: 무역진흥과",
    "성명은 어디에 적나요",
    "저는 황해무역입니다",
    "company name: Weihai Trading Co., Ltd",
    "Name: Weihai Huasheng Trading Co., Ltd.",
    "my name is not on the list",
    "my name is on the certificate",
    "my name is wrong.",
    "This is China Export Bank",
    "I am Korean",
    "What is the name of the policy?",
    "the name: Notice on Export",
    "Name: State Taxation Bureau, Weihai",
    "I'm Chinese and export fish",
    "Policy name: Several Opinions",
)
"""Companies, departments, places, roles, papers; words that begin like a name."""


@pytest.mark.parametrize(("before", "name", "after"), INTRODUCED)
def test_a_name_that_is_said_to_be_one_is_masked(before: str, name: str, after: str) -> None:
    assert mask(f"{before}{name}{after}") == f"{before}{NAME}{after}"


def test_several_names_of_one_text_are_found() -> None:
    text = "我叫王小明，联系人：李四。My name is John Smith. 저는 김철수입니다"
    assert [text[start:end] for start, end in names(text)] == [
        "王小明",
        "李四",
        "John Smith",
        "김철수",
    ]


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_name_stays(text: str) -> None:
    assert mask(text) == text


def test_no_line_of_the_corpus_is_taken_for_a_name() -> None:
    lines = [
        line
        for path in sorted((ROOT / "corpus").rglob("*"))
        if path.suffix in (".txt", ".csv", ".md", ".tsv", ".json", ".jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) > 1000
    assert [line for line in lines if names(line)] == []
