"""A status for each clause: what is said of single clauses, by their policy, by a later one, and by
the file beside the policy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from conftest import plain_ranking

from qa.assistant import Assistant
from qa.corpus import make_document, read_document
from qa.encoder import Encoder
from qa.errors import CorpusError
from qa.index import open_index
from qa.indexing import build_index
from qa.metadata import check_clauses, with_provisions
from qa.passages import all_clauses
from qa.provisions import cited, clauses_of, of_clause
from qa.records import document_of, document_record
from qa.scope import Scope
from qa.shards import sentences_by_number
from qa.status import resolve, validity
from qa.types import UNDATED, Amendment, Document, Provision, Status

TITLE = "棠溪市窑厂扶持办法"
SIGNED = "棠溪市人民政府\n2031年5月6日"


def policy(
    *articles: str, title: str = TITLE, identifier: str = "d", signed: str = SIGNED
) -> Document:
    body = "\n".join(f"第{'一二三四五六七八'[n]}条 {text}" for n, text in enumerate(articles))
    return make_document(identifier, f"{title}\n\n{body}\n\n{signed}\n")


def known(document: Document) -> dict[str, Provision]:
    """What is known of single clauses, with what they say of themselves."""
    numbered = [clause for clause in all_clauses(document) if clause.number]
    clauses = sentences_by_number(numbered, document.language)
    return {each.clause: each for each in with_provisions(document, clauses).provisions}


# --- what a policy says of its own clauses


@pytest.mark.parametrize(
    ("sentence", "effective", "expires", "repealed"),
    [
        # it speaks of itself
        ("本条有效期至2032年12月31日。", "", "2032-12-31", ""),
        ("本条自2031年7月1日起施行。", "2031-07-01", "", ""),
        ("本条政策自2031年7月1日起执行，有效期至2032年12月31日。", "2031-07-01", "2032-12-31", ""),
        ("本条规定自2033年1月1日起停止执行。", "", "", "2033-01-01"),
        # nothing but a time, after what it is said of
        ("执行期限至2032年12月31日。", "", "2032-12-31", ""),
        ("政策有效期为2031年7月1日至2032年12月31日。", "2031-07-01", "2032-12-31", ""),
        ("（执行期限：2031年7月1日至2032年12月31日）", "2031-07-01", "2032-12-31", ""),
        # not of the clause: of a measure in it, of a certificate, of the future, of a way to reckon
        ("对出口企业的补贴执行至2032年12月31日。", "", "", ""),
        ("许可证有效期至2032年12月31日。", "", "", ""),
        ("本条例自2031年7月1日起施行。", "", "", ""),
        ("本条所称窑厂，是指自2031年7月1日起实施改造的窑厂。", "", "", ""),
        ("本项目自2031年7月1日起实施。", "", "", ""),
    ],
)
def test_a_clause_says_for_how_long_it_holds(
    sentence: str, effective: str, expires: str, repealed: str
) -> None:
    found = known(policy("宗旨。", f"对窑厂按40%给予补贴。{sentence}"))
    expected = Provision("第二条", effective, expires, repealed)
    assert found.get("第二条", Provision("第二条")) == expected
    assert "第一条" not in found


def test_a_time_in_brackets_is_that_of_the_only_sentence_before_it() -> None:
    found = known(policy("宗旨。", "给予补贴（执行期限至2032年12月31日）。"))
    assert found["第二条"].expires == "2032-12-31"
    two = known(
        policy("宗旨。", "对窑厂按40%给予补贴。对窑厂的贷款给予贴息（执行期限至2032年12月31日）。")
    )
    assert "第二条" not in two


def test_what_is_said_of_a_clause_is_not_said_of_its_policy() -> None:
    for sentence in ("本条措施有效期至2032年12月31日。", "执行期限至2032年12月31日。"):
        assert policy("宗旨。", f"给予补贴。{sentence}").expires == ""
    # a clause that says nothing else speaks of the policy
    whole = policy("给予补贴。", "有效期至2032年12月31日。")
    assert (whole.expires, known(whole)) == ("2032-12-31", {})


def test_a_policy_names_clauses_of_its_own() -> None:
    found = policy(
        "宗旨。",
        "给予补贴。",
        "给予贴息。",
        "本办法自2031年6月1日起施行，其中第二条、第三条自2031年9月1日起施行。",
    )
    assert found.effective == "2031-06-01"
    assert {each.clause: each.effective for each in found.provisions} == {
        "第二条": "2031-09-01",
        "第三条": "2031-09-01",
    }
    ended = policy("宗旨。", "给予补贴。", "本办法第二条自2032年1月1日起废止。")
    assert (ended.repealed, ended.effective) == ("", "")
    assert ended.provisions == (Provision("第二条", repealed="2032-01-01"),)
    part = policy("宗旨。", "给予补贴。", "本办法第二条第一款自2032年1月1日起废止。")
    assert part.provisions == ()


def test_english_and_korean_clauses_say_it_too() -> None:
    english = make_document(
        "e",
        "Kiln Measures\n\nArticle 1. Kilns are subsidised. This article remains in force until 31 December 2032.\n"
        "Article 2. Article 1 of these Measures shall take effect on 1 July 2031.\n",
    )
    assert known(english)["Article 1"] == Provision("Article 1", expires="2032-12-31")
    assert english.provisions[0].effective == "2031-07-01"
    korean = make_document(
        "k",
        "가마 지원 규정\n\n제1조 가마를 지원한다. 이 조는 2032년 12월 31일까지 효력을 가진다.\n"
        "제2조 이 규정 제1조는 2031년 7월 1일부터 시행한다.\n",
    )
    assert known(korean)["제1조"].expires == "2032-12-31"
    assert korean.provisions[0].effective == "2031-07-01"


# --- what a later policy does to clauses of an earlier one


@pytest.mark.parametrize(
    ("sentence", "amends"),
    [
        (f"《{TITLE}》第二条停止执行。", [("第二条", "", False, False)]),
        (f"《{TITLE}》（棠政发〔2031〕5号）第二条自2033年1月1日起废止。", [("第二条", "2033-01-01", False, False)]),
        ("棠政发〔2031〕5号第二条、第三条同时废止。", [("第二条", "", False, False), ("第三条", "", False, False)]),
        (f"废止《{TITLE}》第二条。", [("第二条", "", False, False)]),
        (f"将《{TITLE}》第二条修改为“给予贴息”。", [("第二条", "", True, False)]),
        (f"《{TITLE}》第二条第一款停止执行。", [("第二条", "", False, True)]),
        # neither ended nor changed
        (f"根据《{TITLE}》第二条停止执行补贴。", []),
        (f"《{TITLE}》第二条规定的补贴停止执行的，应当公告。", []),
        (f"《{TITLE}》第二条继续有效。", []),
    ],
)  # fmt: skip
def test_a_policy_ends_or_changes_clauses_of_another(
    sentence: str, amends: list[tuple[str, str, bool, bool]]
) -> None:
    later = policy("宗旨。", sentence, title="棠溪市窑厂新办法")
    assert [(a.clause, a.day, a.changes, a.part) for a in later.amends] == amends
    assert later.replaces == ()  # the rest of the other stays


def test_a_decision_to_amend_lists_the_clauses() -> None:
    decision = make_document(
        "new",
        f"棠溪市人民政府关于修改《{TITLE}》的决定\n\n一、第二条修改为：“给予贴息。”\n"
        "二、删去第三条。\n三、将第四条第一款修改为：“给予奖励。”\n\n" + SIGNED,
    )
    assert decision.amends == (
        Amendment(f"《{TITLE}》", "第二条", changes=True),
        Amendment(f"《{TITLE}》", "第三条"),
        Amendment(f"《{TITLE}》", "第四条", changes=True, part=True),
    )


def resolved(*amends: Amendment, issued: str = "2032-01-01", old: str = "2031-01-01") -> Document:
    """The older of two policies, after what the later says of its clauses."""
    older = Document("old", "zh", TITLE, "", issued=old, region="棠溪市", effective="2031-02-01")
    newer = Document("new", "zh", "棠溪市新办法", "", issued=issued, region="棠溪市", amends=amends)
    return resolve((older, newer))[0]


def test_a_clause_is_ended_by_a_later_policy_and_the_others_are_not() -> None:
    found = resolved(Amendment(TITLE, "第二条"), Amendment(TITLE, "第三条", changes=True))
    second, third = found.provisions
    for day, status in ((date(2031, 12, 31), Status.IN_FORCE), (date(2032, 1, 1), Status.REPEALED)):
        assert validity(of_clause(found, second), day).status is status
        assert validity(of_clause(found, None), day).status is Status.IN_FORCE
    changed = validity(of_clause(found, third), date(2032, 1, 1))
    assert (changed.status, changed.successor_name) == (Status.REPLACED, "new")


def test_a_part_of_a_clause_leaves_it_unknown_and_a_text_with_the_change_is_left_alone() -> None:
    part = resolved(Amendment(TITLE, "第二条", part=True))
    assert validity(of_clause(part, part.provisions[0]), date(2032, 2, 1)).status is Status.UNKNOWN
    assert resolved(Amendment(TITLE, "第二条"), old="2032-01-01").provisions == ()
    undated = resolved(Amendment(TITLE, "第二条"), old="")
    assert undated.provisions == (Provision("第二条", doubt="new"),)


def test_the_earlier_end_counts() -> None:
    document = Document("d", "zh", TITLE, "", effective="2031-01-01", repealed="2032-01-01")
    later = of_clause(document, Provision("第二条", repealed="2033-01-01", replaced_by="x"))
    assert (later.repealed, later.replaced_by) == ("2032-01-01", "")
    sooner = of_clause(document, Provision("第二条", repealed=UNDATED, replaced_by="x"))
    assert (sooner.repealed, sooner.replaced_by) == (UNDATED, "x")


# --- which clause is meant


def test_lists_and_ranges_of_clauses() -> None:
    assert cited("第三条至第五条和第八条") == ["第三条", "第4条", "第五条", "第八条"]
    assert cited("Articles 3 and 5") == ["3", "5"]


@pytest.mark.parametrize(
    ("number", "paths", "found"),
    [
        ("第二条", ["第一条", "第二条"], [1]),
        ("第2条", ["第一条", "第二条"], [1]),
        ("第二条", ["一", "二/（一）", "二/（二）", "三/（二）"], [1, 2]),  # a section is its items
        ("第5条", ["一/1", "一/2", "二/5"], [2]),  # numbers run on
        ("第二条", ["一/1", "一/2", "二/1", "二/2"], []),  # the section, or a measure
        ("第二条", ["+1", "第一条"], []),
        ("一/（二）", ["一/（一）", "一/（二）", "二/（二）"], [1]),
        ("（二）", ["一/（一）", "一/（二）", "二/（二）"], []),  # more than one
    ],
)
def test_a_number_means_a_clause_only_where_that_is_clear(
    number: str, paths: list[str], found: list[int]
) -> None:
    assert clauses_of(number, paths) == found


# --- the file beside the policy


def test_the_sidecar_says_it_of_a_clause(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text(
        f"{TITLE}\n\n第一条 宗旨。\n第二条 给予补贴。本条有效期至2032年12月31日。\n", "utf-8"
    )
    sidecar = tmp_path / "d.meta.toml"
    sidecar.write_text('[clauses."第二条"]\nexpires = 2033-06-30\n', "utf-8")
    document, _ = read_document(path)
    assert known(document)["第二条"].expires == "2033-06-30"
    assert document_of(document_record(document), document.text) == document
    check_clauses(sidecar, ["第一条", "第二条"])
    with pytest.raises(CorpusError, match="第九条"):
        sidecar.write_text('[clauses."第九条"]\nexpires = 2033-06-30\n', "utf-8")
        check_clauses(sidecar, ["第一条", "第二条"])
    for wrong in ('clauses = "第二条"', '[clauses."第二条"]\nexpire = 2033-06-30'):
        sidecar.write_text(wrong, "utf-8")
        with pytest.raises(CorpusError, match=r"clauses|expire"):
            read_document(path)


# --- in answers


HERE = "威海市窑厂扶持办法"


def test_answers_hits_and_limits_tell_the_status_of_the_clause(
    tmp_path: Path, encoder: Encoder
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "old.txt").write_text(
        f"{HERE}\n\n第一条 对窑厂改造按40%给予补贴。\n第二条 对窑厂参展给予展位费补助。\n"
        "第三条 本办法自2031年6月1日起施行。\n\n" + "威海市人民政府\n2031年5月6日\n",
        "utf-8",
    )
    (corpus / "new.txt").write_text(
        f"威海市窑厂补充通知\n\n一、《{HERE}》第二条停止执行。\n\n威海市人民政府\n2032年1月1日\n",
        "utf-8",
    )
    build_index(corpus, tmp_path / "index", encoder)
    assistant = Assistant(open_index(tmp_path / "index"), encoder, plain_ranking())
    day = date(2032, 6, 1)
    answer = assistant.ask("窑厂参展的展位费补助", today=day)
    by_clause = {hit.clause.id: hit.validity.status for hit in answer.hits}
    assert by_clause["old#第二条"] is Status.REPEALED
    assert by_clause["old#第一条"] is Status.IN_FORCE
    mask = assistant.catalogue.mask(Scope(in_force_on="2032-06-01"))
    assert mask is not None
    within = {assistant.index.clauses[place].id for place in mask.nonzero()[0]}
    assert {"old#第一条", "old#第三条"} <= within
    assert "old#第二条" not in within
    assert not assistant.catalogue.lapsed(date(2031, 12, 1))[assistant.index.position("old#第二条")]
