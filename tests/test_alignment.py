"""Translations and wordings go to the clause that they name, and to no other."""

from __future__ import annotations

from qa.alignment import clause_wordings, unmatched
from qa.clauses import split
from qa.corpus import Corpus, Wording, make_document

DOCUMENT = make_document(
    "d",
    "棠溪市扶持办法\n\n一、场地\n\n（一）减免租金。前两年免租金。（责任单位：市财政局）\n\n"
    "（二）装修补贴。装修费补贴一半。（责任单位：市商务局）\n\n二、人才\n\n"
    "（一）安家补贴。博士补贴十万元。（责任单位：市人社局）\n",
)


def corpus(*clauses: str) -> Corpus:
    wordings = tuple(Wording("d", clause, "zh", f"问题{clause}") for clause in clauses)
    return Corpus((DOCUMENT,), (), wordings, (), (), "")


def test_a_number_that_only_one_clause_has_is_enough() -> None:
    clauses = split(DOCUMENT)
    assert list(clause_wordings(corpus("（二）"), clauses)) == ["d#一/（二）"]
    assert not list(unmatched(corpus("（二）"), clauses))


def test_a_number_that_two_clauses_have_goes_to_neither_and_is_named() -> None:
    clauses = split(DOCUMENT)
    assert clause_wordings(corpus("（一）"), clauses) == {}
    (problem,) = unmatched(corpus("（一）"), clauses)
    assert "（一）" in str(problem) and "more than once" in str(problem)


def test_the_path_of_numbers_tells_them_apart() -> None:
    clauses = split(DOCUMENT)
    assert list(clause_wordings(corpus("二/（一）"), clauses)) == ["d#二/（一）"]
