"""Whether a policy holds on a day, and which policies end which others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.messages import message
from qa.places import NATIONAL
from qa.render import validity_text
from qa.status import number_key, resolve, title_keys, validity
from qa.types import LANGUAGES, UNDATED, Document, Language, Status, Validity

DAY = date(2031, 6, 1)


def policy(identifier: str = "d", title: str = "威海市窑厂办法", **fields: object) -> Document:
    values: dict[str, object] = {"issued": "2030-01-01", "region": "威海市", **fields}
    return Document(identifier, "zh", title, "正文", **values)  # type: ignore[arg-type]


# --- on a day


@pytest.mark.parametrize(
    ("fields", "status", "day"),
    [
        ({"effective": "2030-02-01"}, Status.IN_FORCE, ""),
        ({"effective": "2031-06-01"}, Status.IN_FORCE, ""),
        ({"effective": "2030-02-01", "expires": "2031-06-01"}, Status.IN_FORCE, "2031-06-01"),
        ({"effective": "2030-02-01", "expires": "2031-05-31"}, Status.EXPIRED, "2031-05-31"),
        ({"expires": "2031-05-31"}, Status.EXPIRED, "2031-05-31"),
        ({"effective": "2031-06-02"}, Status.NOT_YET, "2031-06-02"),
        ({"issued": "2031-06-02"}, Status.NOT_YET, "2031-06-02"),
        ({"effective": "2030-02-01", "repealed": "2031-06-01"}, Status.REPEALED, "2031-06-01"),
        ({"effective": "2030-02-01", "repealed": "2031-06-02"}, Status.IN_FORCE, "2031-06-02"),
        ({"repealed": UNDATED}, Status.REPEALED, ""),
        ({"effective": "2030-02-01", "doubt": "x"}, Status.UNKNOWN, ""),
        # nothing says from when, or until when, it holds
        ({}, Status.UNKNOWN, ""),
        ({"issued": ""}, Status.UNKNOWN, ""),
        ({"expires": "2032-01-01"}, Status.UNKNOWN, ""),
        ({"effective": "2030-02-01", "expires": UNDATED}, Status.UNKNOWN, ""),
        ({"effective": "2030-02-01", "title": "窑厂办法（试行）"}, Status.UNKNOWN, ""),
        ({"effective": "2030-02-01", "title": "窑厂办法（征求意见稿）"}, Status.UNKNOWN, ""),
        ({"effective": "2030-02-01", "expires": "2032-01-01", "title": "窑厂暂行办法"}, Status.IN_FORCE, "2032-01-01"),
    ],
)  # fmt: skip
def test_in_force_needs_evidence(fields: dict[str, str], status: Status, day: str) -> None:
    found = validity(policy(**fields), DAY)
    assert (found.status, found.date) == (status, day)


def test_a_replaced_policy_names_its_successor() -> None:
    old = policy(repealed="2031-05-01", replaced_by="new", effective="2030-02-01")
    assert validity(old, DAY, {"new": "新办法"}.get) == Validity(
        Status.REPLACED, "2031-05-01", "2030-02-01", "new", "新办法"
    )
    # the corpus does not have it: it is named as it was written
    assert validity(old, DAY).successor == ""
    assert validity(old, DAY).successor_name == "new"
    assert validity(old, date(2031, 4, 30)).status is Status.IN_FORCE


DATES = st.sampled_from(["", "2030-01-01", "2031-06-01", "2032-01-01", UNDATED])


@given(DATES, DATES, DATES, DATES)
def test_what_is_in_force_holds_on_that_day(
    issued: str, effective: str, expires: str, repealed: str
) -> None:
    issued, effective = issued.replace(UNDATED, ""), effective.replace(UNDATED, "")
    document = policy(issued=issued, effective=effective, expires=expires, repealed=repealed)
    if validity(document, DAY).status is Status.IN_FORCE:
        assert "" < effective <= DAY.isoformat()
        assert repealed == "" or (repealed != UNDATED and repealed > DAY.isoformat())
        assert expires == "" or (expires != UNDATED and expires >= DAY.isoformat())


# --- over the corpus

NEW = policy("new", "威海市窑厂新办法", issued="2031-04-01", effective="2031-05-01")


def resolved(*documents: Document) -> dict[str, Document]:
    found = resolve(documents)
    assert [document.id for document in found] == [document.id for document in documents]
    return {document.id: document for document in found}


@pytest.mark.parametrize(
    "name",
    ["old", "威政发〔2030〕5号", "威政发[2030]第5号", "《威海市窑厂办法》", "《威海市窑厂办法》（威政发〔2030〕5号）", "威海市窑厂办法"],
)  # fmt: skip
def test_who_says_that_it_replaces_another_ends_it_from_its_first_day(name: str) -> None:
    old = policy("old", number="威政发〔2030〕5号", effective="2030-02-01")
    found = resolved(old, replace(NEW, replaces=(name,)))
    assert (found["old"].repealed, found["old"].replaced_by) == ("2031-05-01", "new")
    assert validity(found["old"], date(2031, 4, 30)).status is Status.IN_FORCE
    assert validity(found["old"], date(2031, 5, 1)).status is Status.REPLACED
    assert (found["new"].repealed, found["new"].doubt) == ("", "")


def test_a_notice_that_issues_a_policy_is_found_by_the_title_of_the_policy() -> None:
    old = policy("old", "威海市人民政府关于印发《威海市窑厂办法》的通知")
    found = resolved(old, replace(NEW, replaces=("《威海市窑厂办法》",)))
    assert found["old"].replaced_by == "new"


def test_a_decision_to_repeal_takes_the_place_of_nothing() -> None:
    decision = replace(NEW, title="威海市关于废止部分文件的决定", replaces=("威海市窑厂办法",))
    found = resolved(policy("old"), decision)["old"]
    assert (found.repealed, found.replaced_by) == ("2031-05-01", "")


def test_a_draft_ends_nothing() -> None:
    draft = replace(NEW, title="威海市窑厂新办法（征求意见稿）", replaces=("威海市窑厂办法",))
    assert resolved(policy("old"), draft)["old"] == policy("old")


@pytest.mark.parametrize(
    "others",
    [
        # two that are called alike, with nothing that tells them apart
        (policy("old"), policy("other", issued="")),
        # a title that every place may have, of a place unknown
        (policy("old", "窑厂扶持办法", region=""),),
    ],
)
def test_a_title_that_may_be_another_s_leaves_doubt(others: tuple[Document, ...]) -> None:
    new = replace(NEW, replaces=(f"《{others[0].title}》",))
    for document in resolved(*others, new).values():
        if document.id != "new":
            assert (document.repealed, document.doubt) == ("", "new")
            assert validity(replace(document, effective="2030-02-01"), DAY).status is Status.UNKNOWN


@pytest.mark.parametrize(
    "other",
    [
        policy("old", "窑厂扶持办法", region="烟台市"),  # of another place
        policy("old", "窑厂扶持办法", issued="2031-12-01"),  # later than what repeals it
        policy(
            "old", "窑厂扶持办法", number="烟政发〔2030〕9号"
        ),  # another number than the printed
    ],
)
def test_what_cannot_be_meant_is_left_alone(other: Document) -> None:
    new = replace(NEW, replaces=("《窑厂扶持办法》（威政发〔2030〕5号）",))
    found = resolved(other, new)["old"]
    assert (found.repealed, found.doubt) == ("", "")


def test_a_later_version_under_one_title_takes_the_place_of_the_earlier() -> None:
    versions = [
        policy(str(year), issued=f"{year}-01-01", effective=f"{year}-03-01")
        for year in (2028, 2029, 2031)
    ]
    found = resolved(*versions)
    assert [document.replaced_by for document in found.values()] == ["2029", "2031", ""]
    assert found["2028"].repealed == "2029-03-01"
    # notices of every year are called alike, and each may still hold
    notices = [replace(version, title="威海市关于窑厂工作的通知") for version in versions]
    assert [document.repealed for document in resolved(*notices).values()] == ["", "", ""]
    assert resolved(*notices)["2028"].doubt == "2029"


def test_two_policies_that_end_each_other_are_both_in_doubt() -> None:
    found = resolved(
        policy("a", "威海市甲办法", replaces=("威海市乙办法",)),
        policy("b", "威海市乙办法", replaces=("威海市甲办法",)),
    )
    assert (found["a"].doubt, found["b"].doubt) == ("b", "a")
    assert found["a"].repealed == found["b"].repealed == ""


def test_a_sidecar_names_the_successor_as_people_write_it() -> None:
    new = replace(NEW, number="威政发〔2031〕2号")
    found = resolved(policy("old", replaced_by="威政发[2031]2号"), new)["old"]
    assert (found.replaced_by, found.repealed) == ("new", "2031-05-01")
    absent = resolved(policy("old", replaced_by="威政发〔2033〕9号"), new)["old"]
    assert (absent.replaced_by, absent.repealed) == ("威政发〔2033〕9号", UNDATED)


def test_what_a_sidecar_says_of_the_end_is_left_as_it_is() -> None:
    old = policy("old", repealed="2030-12-31")
    assert resolved(old, replace(NEW, replaces=("old",)))["old"].repealed == "2030-12-31"


def test_resolving_twice_changes_nothing() -> None:
    documents = (policy("old"), replace(NEW, replaces=("威海市窑厂办法",)), policy("x", "甲办法"))
    once = resolve(documents)
    assert resolve(once) == once


def test_a_policy_of_the_state_may_end_one_of_any_place() -> None:
    law = policy(
        "law", "窑厂法", region=NATIONAL, issued="2031-01-01", replaces=("威海市窑厂办法",)
    )
    assert resolved(policy("old"), law)["old"].replaced_by == "law"


# --- how policies are called


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("国办发〔2020〕24号", "国办发[2020]24号"),
        ("国办发〔2020〕24号", "国办发（2020）第024号"),
        ("棠溪市人民政府令第12号", "棠溪市人民政府令 第12号"),
    ],
)
def test_one_number_in_any_brackets(one: str, other: str) -> None:
    assert number_key(one) == number_key(other)


def test_different_numbers_differ() -> None:
    numbers = ["国办发〔2020〕24号", "国办发〔2020〕2号", "国办发〔2024〕20号", "国发〔2020〕24号"]
    assert len({number_key(number) for number in numbers}) == len(numbers)


def test_a_title_is_known_under_several_forms() -> None:
    notice = title_keys("威海市人民政府关于印发《威海市窑厂办法》的通知（威政发〔2030〕5号）")
    assert "威海市窑厂办法" in notice
    assert title_keys("《威海市窑厂办法》") <= notice
    assert "窑炉安全法" in title_keys("中华人民共和国窑炉安全法（2031年修订）")
    assert title_keys("") == frozenset()


# --- in words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_is_told_with_the_days_that_it_rests_on(language: Language) -> None:
    for status in Status:
        found = Validity(status, "2031-05-01", "2030-02-01", "new", "新办法")
        line = validity_text(found, language)
        assert line.startswith(message(language, f"status.label.{status}"))
        assert ("2031-05-01" in line) == (status is not Status.UNKNOWN)
        assert ("2030-02-01" in line) == (status is Status.IN_FORCE)
        assert validity_text(Validity(status, since="2030-02-01"), language)


def test_what_is_not_known_is_never_told_as_valid() -> None:
    assert validity_text(Validity(), "zh") == "效力未注明（原文未注明有效期，请向发文机关核实）"
    assert validity_text(Validity(), "en").startswith("Validity not stated (")
    assert validity_text(Validity(), "ko").startswith("효력 미표시 (")
