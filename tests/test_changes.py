"""What changed between two versions of a policy, and between any two texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qa.changes import ClauseChange, Kind, compare
from qa.clauses import split
from qa.corpus import make_document
from qa.differences import Form, differences
from qa.types import Clause

OLD = """棠溪市窑厂办法

一、补贴参展费用

按展位费的40%给予补贴，每家每年最高3万元。（责任单位：市商务局）

二、加快出口退税

自申报之日起5个工作日内办结出口退税。（责任单位：市税务局）

三、举办灯会

每年正月举办陶瓷灯会，门票免费。

四、培训釉料配方师

每年举办2期釉料配方培训班，学费全免。
"""

NEW = """棠溪市窑厂办法

一、奖励新窑炉

窑厂把柴窑改为电窑的，每座奖励十万元。

二、补贴参展费用

按展位费的50%给予补贴，每家每年最高3万元。（责任单位：市商务局、市财政局）

三、加快出口退税

自申报之日起5个工作日内办结出口退税。（责任单位：市税务局）

四、培训釉料配方师

每年举办2期釉料配方培训班，学费全免。
"""


def clauses(text: str, name: str = "d") -> list[Clause]:
    return split(make_document(name, text))


def told(changes: tuple[ClauseChange, ...]) -> list[tuple[str, str, str]]:
    return [
        (str(change.kind), change.old.number if change.old else "", change.new.number if change.new else "")
        for change in changes
    ]  # fmt: skip


def test_clauses_are_matched_by_what_they_say_whatever_their_number() -> None:
    changes = compare(clauses(OLD), clauses(NEW, "new"))
    assert told(changes) == [
        ("added", "", "一"),
        ("changed", "一", "二"),
        ("unchanged", "二", "三"),
        ("removed", "三", ""),
        ("unchanged", "四", "四"),
    ]
    assert [change.renumbered for change in changes] == [False, True, True, False, False]


def test_a_change_is_spelled_out() -> None:
    (changed,) = (
        change for change in compare(clauses(OLD), clauses(NEW)) if change.kind is Kind.CHANGED
    )
    assert [(c.before, c.after) for c in changed.changes if not c.same] == [
        ("4", "5"),
        ("", "、市财政局"),
    ]


def test_spaces_and_variants_of_punctuation_are_no_change() -> None:
    other = OLD.replace("，", ", ").replace("40%", "４０％").replace("（", "(").replace("）", ")")
    assert {change.kind for change in compare(clauses(OLD), clauses(other))} == {Kind.UNCHANGED}


def test_a_clause_that_was_written_anew_under_its_title_is_changed() -> None:
    new = OLD.replace("每年正月举办陶瓷灯会，门票免费。", "灯会于国庆期间举行，每人收取门票20元。")
    assert told(compare(clauses(OLD), clauses(new)))[2] == ("changed", "三", "三")


def test_against_nothing_everything_is_new_or_gone() -> None:
    assert {c.kind for c in compare([], clauses(NEW))} == {Kind.ADDED}
    assert {c.kind for c in compare(clauses(NEW), [])} == {Kind.REMOVED}
    assert compare([], []) == ()


@given(st.permutations(range(4)), st.sets(st.integers(0, 3)))
def test_no_clause_is_lost_or_told_twice(order: list[int], dropped: set[int]) -> None:
    old = clauses(OLD)
    new = [old[i] for i in order if i not in dropped]
    changes = compare(old, new)
    assert [change.new for change in changes if change.new] == new
    assert sorted(c.old.id for c in changes if c.old) == sorted(clause.id for clause in old)
    assert {c.kind for c in changes} <= {Kind.UNCHANGED, Kind.REMOVED}


@given(
    st.text("窑厂补贴40%，。 （）ab", max_size=40), st.text("窑厂补贴50%，。 （）AB", max_size=40)
)
def test_the_changes_join_up_to_both_texts(before: str, after: str) -> None:
    changes = differences(before, after)
    assert "".join(change.before for change in changes) == before
    assert "".join(change.after for change in changes) == after
    for change in changes:
        if change.same:
            assert Form(change.before).text == Form(change.after).text
    assert all(change.same for change in changes) == (Form(before).text == Form(after).text)


def test_next_to_nothing_between_two_changes_is_part_of_the_change() -> None:
    (*_, change, last) = differences("给予补贴三成五。", "给予补贴四成六。")
    assert (change.before, change.after, last.before) == ("三成五", "四成六", "。")
