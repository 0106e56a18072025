"""Many policies: the limits of a question, the policies it names, and those no longer in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import BagOfCharacters, build_quickly, plain_ranking
from hypothesis import given
from hypothesis import strategies as st

from qa.answering import in_force_first
from qa.assistant import Assistant
from qa.index import open_index
from qa.render import text, validity_text
from qa.scope import Scope
from qa.types import Answer, Clause, Focus, Hit, Outcome, Status, Validity

TODAY = date(2031, 6, 1)

POLICIES = {
    "weihai_old": """威海市窑厂扶持办法
威政发〔2028〕5号

第一条 对参加境外陶瓷展的窑厂，按展位费的30%给予补贴。（责任单位：市商务局）

第二条 窑厂申报出口退税，10个工作日内办结。（责任单位：市税务局）

第三条 本办法自2028年6月1日起施行。

威海市人民政府
2028年5月6日
""",
    "weihai_new": """威海市窑厂扶持新办法
威政发〔2031〕2号

第一条 对参加境外陶瓷展的窑厂，按展位费的40%给予补贴。（责任单位：市商务局）

第二条 窑厂申报出口退税，5个工作日内办结。（责任单位：市税务局）

第三条 本办法自2031年1月1日起施行，有效期5年。《威海市窑厂扶持办法》（威政发〔2028〕5号）同时废止。

威海市人民政府
2030年12月6日
""",
    "yantai_twelve": """烟台市人民政府关于支持外贸企业的十二条政策意见

一、展会补贴。对参加境外展会的企业，补贴展位费一半。（责任单位：市商务局）

二、保险补贴。对投保出口信用保险的企业，补贴保费三成。（责任单位：市财政局）

烟台市人民政府
2029年3月1日
""",
    "qingdao_twelve": """青岛市人民政府关于支持灯会的十二条措施

一、灯会补贴。举办灯会的，每场补贴五万元。（责任单位：市文化和旅游局）

青岛市人民政府
2029年3月1日
""",
    "kilns_expired": """威海市窑厂用电临时措施

第一条 电窑的电费减半。（责任单位：市发展改革委）

第二条 本措施自2029年1月1日起施行，有效期至2029年12月31日。

威海市人民政府
2028年12月20日
""",
    "coming": """威海市夜间窑火管理规定

第一条 夜间不得开启柴窑的炉门。（责任单位：市应急管理局）

第二条 本规定自2032年1月1日起施行。

威海市人民政府
2031年5月1日
""",
}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = tmp_path_factory.mktemp("many")
    (folder / "corpus").mkdir()
    for name, policy in POLICIES.items():
        (folder / "corpus" / f"{name}.txt").write_text(policy, "utf-8")
    (folder / "corpus" / "departments.csv").write_text(
        "zh,en,ko,zh_aliases,en_aliases,ko_aliases\n市商务局,,,商务局,,\n市税务局,,,税务局,,\n",
        "utf-8",
    )
    build_quickly(folder / "corpus", folder / "index", BagOfCharacters())
    return Assistant(open_index(folder / "index"), BagOfCharacters(), plain_ranking())


def ask(assistant: Assistant, question: str, **limits: object) -> Answer:
    return assistant.ask(question, today=TODAY, **limits)  # type: ignore[arg-type]


def found(answer: Answer) -> set[str]:
    return {hit.clause.document_id for hit in answer.hits}


def first(answer: Answer) -> str:
    return answer.hits[0].clause.id


# --- what is no longer in force


def test_the_policy_in_force_answers_and_the_one_that_it_replaced_comes_after(
    many: Assistant,
) -> None:
    answer = ask(many, "境外陶瓷展的展位费补贴多少")
    assert answer.outcome is Outcome.ANSWERED
    assert answer.citations[0].document.id == "weihai_new"
    assert "weihai_old" not in {citation.document.id for citation in answer.citations}
    assert answer.citations[0].validity.status is Status.IN_FORCE
    order = [hit.clause.document_id for hit in answer.hits]
    assert order.index("weihai_new") < order.index("weihai_old")
    assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))


def test_on_a_day_before_the_replacement_the_older_answers(many: Assistant) -> None:
    answer = many.ask("境外陶瓷展的展位费补贴多少", today=date(2030, 1, 1))
    assert answer.citations[0].document.id == "weihai_old"
    assert answer.citations[0].validity.status is Status.IN_FORCE


def test_where_only_a_policy_that_has_ended_answers_it_is_shown_with_its_status(
    many: Assistant,
) -> None:
    answer = ask(many, "电窑的电费减半")
    (citation,) = answer.citations
    assert (citation.document.id, citation.validity.status) == ("kilns_expired", Status.EXPIRED)
    assert "已过有效期（有效期至 2029-12-31）" in text(answer, many.index)


def test_a_replaced_policy_names_what_took_its_place(many: Assistant) -> None:
    answer = ask(many, "展位费补贴", documents=frozenset({"weihai_old"}))
    validity = answer.hits[0].validity
    assert (validity.status, validity.successor) == (Status.REPLACED, "weihai_new")
    assert (
        validity_text(validity, "zh")
        == "已被替代（2031-01-01 起失效，由《威海市窑厂扶持新办法》替代）"
    )


def test_a_policy_that_is_still_to_come_says_so(many: Assistant) -> None:
    (citation,) = ask(many, "夜间不得开启柴窑的炉门").citations
    assert citation.validity.status is Status.NOT_YET
    assert "2032-01-01" in validity_text(citation.validity, "ko")


@pytest.mark.parametrize("question", ["第一条", "市商务局负责哪些工作"])
def test_lists_and_choices_begin_with_what_holds(question: str, many: Assistant) -> None:
    hits = ask(many, question).hits
    lapsed = [hit.validity.status.ended or hit.validity.status is Status.NOT_YET for hit in hits]
    assert lapsed == sorted(lapsed)
    assert True in lapsed


STATUSES = st.sampled_from(list(Status))


@given(st.lists(st.tuples(st.floats(0, 1), STATUSES), max_size=8))
def test_what_has_ended_never_comes_before_what_holds_and_is_as_relevant(
    values: list[tuple[float, Status]],
) -> None:
    hits = [
        Hit(Clause(f"d#{i}", "d", "", (), "", 0, 0, ""), p, i + 1, Validity(status))
        for i, (p, status) in enumerate(values)
    ]
    ordered = in_force_first(hits, 0.6)
    assert {hit.clause.id for hit in ordered} == {hit.clause.id for hit in hits}
    for place, hit in enumerate(ordered):
        for later in ordered[place + 1 :]:
            holds = not later.validity.status.ended and later.validity.status is not Status.NOT_YET
            if hit.validity.status.ended and holds:
                assert later.probability < hit.probability


def test_what_has_ended_comes_before_what_says_something_else_but_not_before_its_successor() -> (
    None
):
    def hit(document: str, probability: float, validity: Validity) -> Hit:
        clause = Clause(f"{document}#1", document, "", (), "", 0, 0, "")
        return Hit(clause, probability, 1, validity)

    old = hit("old", 0.9, Validity(Status.REPLACED, successor="new"))
    new = hit("new", 0.65, Validity(Status.IN_FORCE))
    other = hit("other", 0.7, Validity(Status.IN_FORCE))
    ordered = [each.clause.document_id for each in in_force_first([old, other, new], 0.6)]
    assert ordered == ["new", "old", "other"]


# --- limits


@pytest.mark.parametrize(
    ("scope", "documents"),
    [
        (Scope(), set(POLICIES)),
        (Scope(frozenset({"coming"})), {"coming"}),
        (Scope(issuer="烟台市"), {"yantai_twelve"}),
        (Scope(issuer="人民政府"), set(POLICIES)),
        (Scope(region="青岛"), {"qingdao_twelve"}),
        (Scope(region="Qingdao"), {"qingdao_twelve"}),
        (Scope(region="山东省"), set(POLICIES)),
        (Scope(region="海南省"), set()),
        (Scope(region="乌有市"), set()),
        (Scope(since="2031-01-01"), {"coming"}),
        (Scope(until="2028-12-20"), {"weihai_old", "kilns_expired"}),
        (Scope(since="2029-01-01", until="2029-12-31"), {"yantai_twelve", "qingdao_twelve"}),
        (Scope(in_force_on="2031-06-01"), {"weihai_new"}),
        (Scope(in_force_on="2029-06-01"), {"weihai_old", "kilns_expired"}),
        (Scope(department="市税务局"), {"weihai_old", "weihai_new"}),
        (Scope(department="市税务局", in_force_on="2031-06-01"), {"weihai_new"}),
    ],
)  # fmt: skip
def test_only_what_is_within_the_limits_is_found(
    scope: Scope, documents: set[str], many: Assistant
) -> None:
    mask = many.catalogue.mask(scope)
    allowed = range(len(many.index.clauses)) if mask is None else np.flatnonzero(mask)
    assert {many.index.clauses[place].document_id for place in allowed} == documents
    assert found(ask(many, "补贴", scope=scope)) <= documents


def test_a_department_limits_to_the_clauses_that_name_it(many: Assistant) -> None:
    answer = ask(many, "窑厂的补贴", scope=Scope(department="市税务局"))
    assert {hit.clause.departments for hit in answer.hits} == {("市税务局",)}


def test_limits_add_up(many: Assistant) -> None:
    both = frozenset({"weihai_new", "yantai_twelve"})
    assert found(ask(many, "补贴", documents=both, scope=Scope(region="威海"))) == {"weihai_new"}
    assert found(ask(many, "补贴", documents=both, scope=Scope(frozenset({"coming"})))) == set()


@pytest.mark.parametrize("field", ["since", "until", "in_force_on"])
def test_a_day_that_is_none_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="soon"):
        Scope(**{field: "soon"})


@given(st.dates(date(2027, 1, 1), date(2037, 1, 1)))
def test_the_masks_say_of_every_clause_what_its_validity_says(many: Assistant, day: date) -> None:
    within = many.catalogue.mask(Scope(in_force_on=day.isoformat()))
    assert within is not None
    lapsed = many.catalogue.lapsed(day)
    for place, clause in enumerate(many.index.clauses):
        status = many.catalogue.clause_validity(clause, day).status
        assert within[place] == (status is Status.IN_FORCE)
        assert lapsed[place] == (status.ended or status is Status.NOT_YET)


# --- policies that a question names


@pytest.mark.parametrize(
    ("question", "clause"),
    [
        ("威政发〔2031〕2号 第二条", "weihai_new#第二条"),
        ("请问威政发[2031]2号第二条怎么说", "weihai_new#第二条"),
        ("威政发2031年2号的第二条", "weihai_new#第二条"),
        ("威政发（2028）第5号里出口退税几天办结", "weihai_old#第二条"),
        ("《威海市窑厂扶持新办法》第二条", "weihai_new#第二条"),
        ("《窑厂用电措施》电费", "kilns_expired#第一条"),
        ("威海市窑厂扶持新办法里出口退税几天", "weihai_new#第二条"),
        ("烟台的外贸12条里展会补贴怎么说", "yantai_twelve#一"),
        ("外贸十二条的保险补贴", "yantai_twelve#二"),
        ("青岛12条 灯会", "qingdao_twelve#一"),
    ],
)
def test_what_a_question_names_is_where_its_answer_is(
    question: str, clause: str, many: Assistant
) -> None:
    answer = ask(many, question)
    assert first(answer) == clause
    assert {hit.clause.document_id for hit in answer.hits} == {clause.partition("#")[0]}
    assert answer.question == question


@pytest.mark.parametrize(
    "question",
    [
        "威政发〔2031〕2号",
        "《威海市窑厂扶持新办法》说了什么",
        "威海市窑厂扶持新办法的主要内容有哪些",
    ],
)
def test_a_policy_alone_is_asked_for_its_contents(question: str, many: Assistant) -> None:
    answer = ask(many, question)
    assert (answer.outcome, answer.focus) == (Outcome.ANSWERED, Focus.CONTENTS)
    assert [c.clause.number for c in answer.citations] == ["第一条", "第二条", "第三条"]
    assert answer.total == 3
    assert "《威海市窑厂扶持新办法》共 3 条：" in text(answer, many.index)


@pytest.mark.parametrize(
    "question", ["威政发〔2031〕99号 第二条", "威政发〔2031〕99号里的展位费补贴多少"]
)
def test_a_number_that_no_policy_has_is_not_answered_from_another(
    question: str, many: Assistant
) -> None:
    answer = ask(many, question)
    assert (answer.outcome, answer.citations) == (Outcome.NO_CLAUSE, ())
    assert answer.uncovered == ("威政发〔2031〕99号",)


@pytest.mark.parametrize(
    "question",
    [
        "《营业执照》怎么办",
        "“出口退税”几天办结",
        "要符合3条以上标准吗",
        "十二条灯笼的补贴",
        "第十二条",
        "12345是什么号",
    ],
)
def test_other_names_and_numbers_name_no_policy(question: str, many: Assistant) -> None:
    assert many._references.find(question) is None


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["《", "》", "威政发", "〔2031〕", "2号", "12条", "外贸", "烟台", "办法", "第二条", " ", "İ", "ﬀ", "的"]
), max_size=9).map("".join))  # fmt: skip
def test_any_question_can_be_read_for_names(many: Assistant, question: str) -> None:
    reference = many._references.find(question)
    if reference is not None:
        assert all(0 <= place < len(POLICIES) for place in reference.documents)
        assert reference.named
    assert ask(many, question).question == question


# --- conversation over several turns


def test_a_follow_up_remembers_the_question_with_which_the_topic_came_up(many: Assistant) -> None:
    scope = Scope(frozenset({"weihai_new"}))
    one = ask(many, "出口退税要几天", scope=scope)
    two = ask(many, "那材料呢", previous=one, scope=scope)
    three = ask(many, "那费用呢", previous=two, scope=scope)
    assert two.context == ("出口退税要几天",)
    assert three.context == ("出口退税要几天", "那材料呢")
    assert "weihai_new#第二条" in [hit.clause.id for hit in three.hits[:2]]


@pytest.mark.parametrize("question", ["那市税务局呢", "市税务局呢"])
def test_after_the_duties_of_one_department_another_is_asked_for(
    question: str, many: Assistant
) -> None:
    before = ask(many, "市商务局负责哪些工作")
    answer = ask(many, question, previous=before)
    assert (answer.outcome, answer.focus) == (Outcome.ANSWERED, Focus.DUTIES)
    assert answer.departments == ("市税务局",)
    assert {c.clause.departments for c in answer.citations} == {("市税务局",)}


# --- typing, and citing a clause


def test_a_search_without_a_question_finds_what_holds_first(many: Assistant) -> None:
    result = many.search("境外陶瓷展的展位费", "zh", 3, today=TODAY)
    assert result.hits[0].clause.document_id == "weihai_new"
    limited = many.search("展位费", "zh", 3, Scope(region="烟台"), TODAY)
    assert {hit.clause.document_id for hit in limited.hits} == {"yantai_twelve"}


def test_a_clause_is_cited_for_a_question(many: Assistant) -> None:
    clause = next(c for c in many.index.clauses if c.id == "kilns_expired#第二条")
    citation = many.cite("有效期到什么时候", clause, "zh", TODAY)
    assert citation.clause == clause
    assert citation.quotes[0].text in clause.text
    assert citation.validity.status is Status.EXPIRED


def test_an_index_of_nothing_but_policies_that_ended_still_answers(
    tmp_path: Path, write_corpus: Callable[..., Path]
) -> None:
    corpus = write_corpus(only=POLICIES["kilns_expired"])
    build_quickly(corpus, tmp_path / "index", BagOfCharacters())
    opened = Assistant(open_index(tmp_path / "index"), BagOfCharacters(), plain_ranking())
    answer = opened.ask("电窑的电费减半", today=TODAY)
    assert answer.outcome is Outcome.ANSWERED
    assert answer.citations[0].validity.status is Status.EXPIRED
