"""What is known of single clauses: their own time of validity, and what a later policy ends or
changes of an earlier one.

Only what is said of a clause in so many words counts: that it speaks of itself ("this article
applies until 30 June"), that its last sentence is nothing but a time, that its policy names it by
its number, or that another policy does. What is said of a part of a clause leaves it in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from qa.dates import STRETCH, after, before, read_date
from qa.languages.imprint import Imprint
from qa.numbers import clause_number, is_article
from qa.types import UNDATED, Amendment, Document, Provision

_DAY = re.compile(STRETCH, re.IGNORECASE)
_CITED = re.compile(
    r"第[一二三四五六七八九十百零〇\d]+条(?:之[一二三四五六七八九十])?|제\s?\d+\s?조(?:의\s?\d+)?|\d+"
)
_RANGE = re.compile(r"\s*(?:至|到|—|-|부터|to)\s*(?:articles?|sections?|clauses?)?\s*", re.I)
_BRACKETS = "（(）) \t\u3000。."
_IN_BRACKETS = re.compile(r"[（(]([^（()）]{4,60})[）)]\s*[。.；;]?\s*$")
_BASIS = re.compile(r"(?:根据|依据|按照|依照|遵照|参照|为贯彻|贯彻|落实|结合)[^，。；《》]{0,12}$")
_LONGEST_RANGE = 60


# --- what a policy says of clauses of its own


def of_itself(sentences: Sequence[str], number: str, imprint: Imprint, issued: str) -> Provision:
    """What the sentences of the clause ``number`` say of the clause itself."""
    found = Provision(number)
    for position, sentence in enumerate(sentences):
        if subject := imprint.itself.match(sentence):
            found = _joined(found, _stated(sentence[subject.end() :], number, imprint, issued))
        elif 0 < position == len(sentences) - 1:  # alone, it would speak of the policy
            found = _joined(found, _alone(sentence.strip(_BRACKETS), number, imprint))
    if len(sentences) == 1 and (added := _IN_BRACKETS.search(sentences[0])):
        found = _joined(found, _alone(added.group(1), number, imprint))
    return found


def of_named(sentence: str, imprint: Imprint, issued: str) -> list[Provision]:
    """What a sentence says of clauses that it names by their numbers as the policy's own."""
    return [
        provision
        for found in imprint.own_clause.finditer(sentence)
        for number in cited(found.group("clauses"))
        if says(provision := _stated(sentence[found.end() :], number, imprint, issued))
    ]


def says(provision: Provision) -> bool:
    """Whether anything is known of the clause."""
    return provision != Provision(provision.clause)


def of_the_policy(sentence: str, imprint: Imprint, ties: bool) -> str:
    """What a sentence says of the policy as a whole: nothing from where it speaks of a clause on,
    nor where it gives a time alone, unless it ``ties`` in with what is said of the policy."""
    if imprint.itself.match(sentence) or (not ties and imprint.alone.match(sentence)):
        return ""
    clause = imprint.own_clause.search(sentence)
    return sentence[: clause.start()] if clause else sentence


def names_clauses(sentence: str, imprint: Imprint) -> bool:
    """Whether a sentence ends or changes clauses of another policy, not the whole of it."""
    return bool(imprint.other_clause.search(sentence))


def _stated(statement: str, number: str, imprint: Imprint, issued: str) -> Provision:
    """What a statement, whose subject is left out, says of the clause ``number``."""
    phrase = re.split("[。；;]", statement.strip())[0]
    ended = imprint.repeals.search(phrase)
    day = _DAY.search(phrase, 0, ended.end()) if ended else None
    if ended and day and ended.start() <= day.end():
        return Provision(number, repealed=read_date(day.group()))
    effective = imprint.first_day(phrase, issued)
    return Provision(number, effective, imprint.last_day(phrase, effective or issued))


def _alone(sentence: str, number: str, imprint: Imprint) -> Provision:
    found = imprint.alone.match(sentence)
    if found is None:
        return Provision(number)
    groups = found.groupdict()
    effective = read_date(groups["from"] or "")
    if groups["day"]:
        return Provision(number, effective, read_date(groups["day"], end=True))
    return Provision(number, effective, before(after(effective, groups["span"] or "")))


def _joined(first: Provision, second: Provision) -> Provision:
    """What either says; where both do, the first."""
    return Provision(
        first.clause,
        first.effective or second.effective,
        first.expires or second.expires,
        first.repealed or second.repealed,
        first.replaced_by or second.replaced_by,
        first.doubt or second.doubt,
    )


def joined(provisions: Iterable[Provision]) -> tuple[Provision, ...]:
    """One provision a clause; of what contradicts itself the first counts."""
    found: dict[str, Provision] = {}
    for each in provisions:
        known = found.get(each.clause)
        found[each.clause] = _joined(known, each) if known else each
    return tuple(found.values())


# --- what it says of clauses of others


def amendments(sentence: str, imprint: Imprint) -> list[Amendment]:
    """The clauses of other policies that a sentence ends or changes."""
    return [
        amendment
        for found in imprint.other_clause.finditer(sentence)
        if not _BASIS.search(sentence[: found.start()])
        for amendment in _amendments(found, _policy(found))
    ]


def amendments_of(title: str, sentence: str, imprint: Imprint) -> list[Amendment]:
    """The clauses that a sentence of a policy ends or changes in the policy ``title``, which it is
    made to change."""
    found = imprint.amended_clause.match(sentence)
    return _amendments(found, title) if found else []


def _policy(found: re.Match[str]) -> str:
    """What the match of ``Imprint.other_clause`` calls the other policy."""
    groups = found.groupdict()
    title = groups.get("title") or groups.get("title_2") or ""
    return title + (groups.get("numbers") or groups.get("numbers_2") or groups.get("number") or "")


def _amendments(found: re.Match[str], policy: str) -> list[Amendment]:
    groups = found.groupdict()
    clauses = groups.get("clauses") or groups.get("clauses_2") or ""
    day = _DAY.search(groups.get("ends") or groups.get("changes") or "")
    if not policy:
        return []
    return [
        Amendment(
            policy,
            number,
            read_date(day.group()) if day else "",
            changes=bool(groups.get("changes")),
            part=bool(groups.get("part") or groups.get("part_2")),
        )
        for number in cited(clauses)
    ]


def cited(clauses: str) -> list[str]:
    """The numbers in a list of clauses: 第三条至第五条和第八条 → 第3条, 第4条, 第5条, 第8条 (those
    at either end of a range and alone as they are written)."""
    found = list(_CITED.finditer(clauses))
    numbers = []
    for position, each in enumerate(found):
        before_it = found[position - 1] if position else None
        if before_it and _RANGE.fullmatch(clauses[before_it.end() : each.start()]):
            first, last = (clause_number(end.group()) for end in (before_it, each))
            if last - first < _LONGEST_RANGE:
                numbers += [f"第{number}条" for number in range(first + 1, last)]
        numbers.append(each.group())
    return numbers


# --- which clause is meant


def clauses_of(number: str, paths: Sequence[str]) -> list[int]:
    """The positions of the clauses that a document calls ``number``, none where that is not clear.

    ``paths`` are the numbers of all its clauses with those above them, as in their ids: ``三/（二）``.
    An article is the clause of that number, or all clauses under it.
    """
    exact = [place for place, path in enumerate(paths) if path == number]
    if exact:
        return exact
    chains = [[part.partition("~")[0] for part in path.split("/")] for path in paths]
    printed = [place for place, chain in enumerate(chains) if chain[-1] == number]
    if printed or number[:1] in "（(":
        return printed if len(printed) == 1 else []
    value = clause_number(number)
    articles = [
        place
        for place, chain in enumerate(chains)
        if is_article(chain[-1]) and clause_number(chain[-1]) == value
    ]
    if articles or any(is_article(chain[-1]) for chain in chains):
        return articles if len(articles) == 1 else []
    numbered = [
        place
        for place, chain in enumerate(chains)
        if chain[-1][:1] not in "+（(" and clause_number(chain[-1]) == value > 0
    ]
    under = [
        place
        for place, chain in enumerate(chains)
        if chain[0][:1] != "+" and clause_number(chain[0]) == value > 0
    ]
    # Numbers that run on through the sections are those of measures, others those of sections.
    if len({chains[place][0] for place in under}) == 1 and set(numbered) <= set(under):
        return under
    return numbered if len(numbered) == 1 and not under else []


def of_clause(document: Document, provision: Provision | None) -> Document:
    """The document as what is said of it holds for one of its clauses."""
    if provision is None:
        return document
    ends = [(each.repealed, each.replaced_by) for each in (document, provision) if each.repealed]
    repealed, replaced_by = min(ends, key=_first, default=("", ""))
    return replace(
        document,
        effective=provision.effective or document.effective,
        expires=provision.expires or document.expires,
        repealed=repealed,
        replaced_by=replaced_by,
        doubt=provision.doubt or document.doubt,
    )


def _first(end: tuple[str, str]) -> str:
    return "" if end[0] == UNDATED else end[0]
