"""Is a sentence that is said to be policy really there?"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from conftest import SMALL, BagOfCharacters, build_quickly, plain_ranking
from hypothesis import assume, given
from hypothesis import strategies as st

from qa.assistant import Assistant
from qa.differences import Form
from qa.index import open_index
from qa.quotes import Finding, QuoteChecker, Verdict
from qa.types import Status

FAIR = "对参加境外陶瓷展的窑厂，按展位费的40%给予补贴，每家每年最高3万元。"
SHORTEST = 8
_LINES = re.compile(r"[。\n]")
"""A title of five characters of which one was changed is no quotation of anything."""


@pytest.fixture(scope="module")
def checker(assistant: Assistant) -> QuoteChecker:
    return QuoteChecker(assistant.index, assistant.catalogue)


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(str(f.verdict), f.clause.number if f.clause else "") for f in findings]


# --- verbatim


@pytest.mark.parametrize(
    "pasted",
    [
        FAIR,
        f"“{FAIR}”",
        f"  {FAIR}\n",
        "对参加境外陶瓷展的窑厂,按展位费的４０％给予补贴,每家每年最高3万元.",
        "对参加境外 陶瓷展的窑厂，\n按展位费的40%给予补贴",
        "一、补贴参展费用",
        "责任单位：市商务局、市财政局",
        "The market is nowhere",
    ],
)
def test_spaces_widths_and_variants_of_punctuation_do_not_count(
    pasted: str, checker: QuoteChecker
) -> None:
    (finding,) = checker.check(pasted)
    assert finding.verdict is (Verdict.ABSENT if pasted.isascii() else Verdict.VERBATIM)
    if finding.clause:
        assert finding.clause.id == "tangxi_ceramics#一"
        assert finding.original == finding.clause.text[finding.first : finding.last]
        assert Form(finding.original).text in Form(pasted.strip("“” \n")).text


def test_traditional_characters_are_told_from_the_words_themselves(checker: QuoteChecker) -> None:
    (finding,) = checker.check("對參加境外陶瓷展的窯廠，按展位費的40%給予補貼")
    assert finding.verdict is Verdict.OTHER_SCRIPT
    assert finding.original == "对参加境外陶瓷展的窑厂，按展位费的40%给予补贴"


def test_sentences_that_stand_together_are_one_finding(checker: QuoteChecker) -> None:
    pasted = "夜市的营业时间为18时至24时。周末可以延长1小时。"
    (finding,) = checker.check(pasted)
    assert (finding.verdict, finding.text) == (Verdict.VERBATIM, pasted)


def test_of_several_sentences_each_is_told(checker: QuoteChecker) -> None:
    pasted = "残疾人免收摊位费。火星居民每人领取五只羊。健康证明由市卫生健康委核发。"
    findings = checker.check(pasted)
    assert told(findings) == [("verbatim", "第二条"), ("absent", ""), ("verbatim", "第三条")]
    assert [pasted[f.start : f.end] for f in findings] == [f.text for f in findings]


SECTIONS = """威海市窑厂若干措施

一、降低窑厂的成本

（一）减免租金。前两年免收租金。

（二）减免电费。电窑的电费减半。

二、培养窑厂的人才

（一）培训。每年举办2期培训班。
"""


def test_a_heading_is_no_clause_and_yet_there(
    tmp_path: Path, write_corpus: Callable[..., Path]
) -> None:
    build_quickly(write_corpus(sections=SECTIONS), tmp_path / "index", BagOfCharacters())
    opened = Assistant(open_index(tmp_path / "index"), BagOfCharacters(), plain_ranking())
    (finding,) = QuoteChecker(opened.index, opened.catalogue).check("降低窑厂的成本")
    assert (finding.verdict, finding.clause) == (Verdict.VERBATIM, None)
    assert finding.document is not None
    assert finding.original == finding.document.text[finding.first : finding.last]


# --- ellipses


def test_the_parts_of_a_quote_with_an_ellipsis_are_told_with_what_was_left_out(
    checker: QuoteChecker,
) -> None:
    first, second = checker.check("摊主应当向市城市管理局申请摊位……残疾人免收摊位费。")
    assert (first.verdict, second.verdict) == (Verdict.VERBATIM, Verdict.VERBATIM)
    assert second.omitted == "，摊位费每月200元。"
    assert not second.negated


def test_leaving_out_a_denial_is_pointed_out(checker: QuoteChecker) -> None:
    *_, second = checker.check("夜市内……燃放烟花。")
    assert (second.verdict, second.omitted, second.negated) == (Verdict.VERBATIM, "禁止", True)
    (cut,) = checker.check("在补贴范围内。")
    assert (cut.verdict, cut.negated) == (Verdict.VERBATIM, True)
    (whole,) = checker.check("参展人员的机票不在补贴范围内。")
    assert not whole.negated


# --- altered


@pytest.mark.parametrize(
    ("pasted", "changes", "added", "missing", "negated"),
    [
        (FAIR.replace("40%", "50%"), [("4", "5")], ("50%",), ("40%",), False),
        (FAIR.replace("3万元", "三十万元"), [("3", "三十")], ("300000",), ("30000",), False),
        ("夜市内不禁止燃放烟花。", [("", "不")], (), (), True),
        ("参展人员的机票在补贴范围内。", [("不", "")], (), (), True),
        ("残疾人免收一切摊位费。", [("", "一切")], (), (), False),
        ("残疾人减收摊位费。", [("免", "减")], (), (), True),
    ],
)
def test_an_alteration_is_spelled_out(
    pasted: str,
    changes: list[tuple[str, str]],
    added: tuple[str, ...],
    missing: tuple[str, ...],
    negated: bool,
    checker: QuoteChecker,
) -> None:
    (finding,) = checker.check(pasted)
    assert finding.verdict is Verdict.ALTERED
    assert [(c.before, c.after) for c in finding.changes if not c.same] == changes
    assert (finding.added, finding.missing, finding.negated) == (added, missing, negated)


@pytest.mark.parametrize(
    "pasted", ["火星居民每人领取五只羊。", "量子计算机免税进口", "asdf qwer zxcv", "12345678"]
)
def test_what_is_not_there_is_said_not_to_be(pasted: str, checker: QuoteChecker) -> None:
    (finding,) = checker.check(pasted)
    assert (finding.verdict, finding.clause, finding.changes) == (Verdict.ABSENT, None, ())


@pytest.mark.parametrize("pasted", ["", " \n", "……", "。。。", "“”", "\0"])
def test_of_nothing_nothing_is_found(pasted: str, checker: QuoteChecker) -> None:
    assert checker.check(pasted) == ()


# --- whatever is pasted


@given(st.data())
def test_any_passage_of_any_clause_is_verbatim(checker: QuoteChecker, data: st.DataObject) -> None:
    clause = data.draw(st.sampled_from(checker._index.clauses))
    start = data.draw(st.integers(0, len(clause.text) - SHORTEST))
    end = data.draw(st.integers(start + SHORTEST, len(clause.text)))
    passage = clause.text[start:end]
    assume(sum(character.isalnum() for character in passage) >= SHORTEST - 2)
    for finding in checker.check(passage):
        assert finding.verdict is Verdict.VERBATIM
        assert finding.document is not None
        assert Form(finding.text).text == Form(finding.original).text


@given(st.data())
def test_any_character_that_was_changed_is_pointed_out(
    checker: QuoteChecker, data: st.DataObject
) -> None:
    clause = data.draw(st.sampled_from([c for c in checker._index.clauses if c.number]))
    sentence = data.draw(st.sampled_from([s for s in _LINES.split(clause.text) if len(s) > 12]))
    place = data.draw(st.integers(0, len(sentence) - 1).filter(lambda i: sentence[i].isalnum()))
    other = data.draw(st.sampled_from("甲乙丙丁龘7").filter(lambda c: c not in sentence))
    altered = f"{sentence[:place]}{other}{sentence[place + 1 :]}"
    findings = checker.check(altered)
    assert any(finding.verdict is Verdict.ALTERED for finding in findings)
    shown = "".join(c.after for f in findings for c in f.changes if not c.same)
    assert other in shown


@given(st.text(max_size=200))
def test_any_text_can_be_pasted(checker: QuoteChecker, text: str) -> None:
    findings = checker.check(text)
    for finding in findings:
        assert text[finding.start : finding.end] == finding.text
        assert "".join(change.after for change in finding.changes) in ("", finding.text)
        assert "".join(change.before for change in finding.changes) in ("", finding.original)
    assert [f.start for f in findings] == sorted(f.start for f in findings)


# --- the source and its status


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> QuoteChecker:
    """Two versions of a policy that share a sentence, of which the later replaced the earlier."""
    folder = tmp_path_factory.mktemp("versions")
    (folder / "corpus").mkdir()
    for year, share in (("2028", "30%"), ("2031", "40%")):
        (folder / "corpus" / f"v{year}.txt").write_text(
            f"威海市窑厂办法\n\n一、补贴。按展位费的{share}给予窑厂补贴。\n\n二、灯会。每年正月举办陶瓷灯会。\n\n"
            f"三、附则。本办法自印发之日起施行，有效期10年。\n\n威海市人民政府\n{year}年5月6日\n",
            "utf-8",
        )
    build_quickly(folder / "corpus", folder / "index", BagOfCharacters())
    opened = Assistant(open_index(folder / "index"), BagOfCharacters(), plain_ranking())
    return QuoteChecker(opened.index, opened.catalogue)


def test_where_two_policies_have_the_words_the_one_in_force_is_the_source(
    versions: QuoteChecker,
) -> None:
    (finding,) = versions.check("每年正月举办陶瓷灯会。", date(2032, 1, 1))
    assert finding.document is not None
    assert (finding.document.id, finding.also) == ("v2031", 1)
    assert finding.validity.status is Status.IN_FORCE


def test_a_sentence_of_a_policy_that_has_ended_is_told_with_its_status(
    versions: QuoteChecker,
) -> None:
    (finding,) = versions.check("按展位费的30%给予窑厂补贴。", date(2032, 1, 1))
    assert (finding.verdict, finding.validity.status) == (Verdict.VERBATIM, Status.REPLACED)
    assert finding.validity.successor == "v2031"
    (before,) = versions.check("按展位费的30%给予窑厂补贴。", date(2029, 1, 1))
    assert before.validity.status is Status.IN_FORCE


def test_the_small_corpus_is_what_is_quoted() -> None:
    assert FAIR in Path(SMALL / "tangxi_ceramics.txt").read_text("utf-8")
