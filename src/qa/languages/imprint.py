"""What a language pack says about how policies name their number, issuer and time of validity."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qa.dates import after, before, read_date
from qa.types import UNDATED


@dataclass(frozen=True, slots=True)
class Imprint:
    """The ways in which the policies of a language speak of themselves.

    Patterns are searched in single sentences, unless said otherwise; a day is group ``day``, a
    length of time group ``span``.

    Attributes:
        number: a document number; searched in any text. Group ``number``.
        labels: by field of a document, the words before a colon under which web pages list it.
        subject: the sentence speaks of the policy as a whole; statements about a single measure
            ("executed until 30 June") say nothing about the policy.
        effective: from when it holds, on a ``day`` or a ``span`` after it was issued; with neither,
            from the day on which it was issued.
        until: the last ``day`` on which it holds.
        lasting: the ``span`` for which it holds.
        eventual: it holds until something happens, on a day that nobody knows yet.
        repeals: the verb that ends other policies, at the end of what it governs.
        repealing: a title of a policy whose purpose is to end others.
        ended: a mark beside the title: this policy holds no more.
        draft: a title of a text that is not in force yet and may never be.
        amended: a line of the head that tells of a later version. Group ``day``.
        issuer: the issuer at the beginning of a title. Group ``issuer``.
        itself: at the beginning of a sentence: a clause speaks of itself ("this article …"). What
            is said of it follows.
        alone: a whole sentence that gives a time and nothing else: the last ``day``, or the
            ``span``, and the first day ``from`` where it says so.
        own_clause: the policy speaks of ``clauses`` of its own. What is said of them follows.
        other_clause: it ends ``clauses`` of another policy (group ``ends`` is the verb, with the
            day where one is named), or ``changes`` them; ``part`` where not the whole of them is
            meant. The other is a ``title`` in quotation marks with its ``numbers``, or a ``number``.
        amending: a title of a policy that changes the one named in it.
        amended_clause: in such a policy, at the beginning of a sentence: as ``other_clause``.
    """

    number: re.Pattern[str]
    labels: dict[str, re.Pattern[str]]
    subject: re.Pattern[str]
    effective: re.Pattern[str]
    until: re.Pattern[str]
    lasting: re.Pattern[str]
    eventual: re.Pattern[str]
    repeals: re.Pattern[str]
    repealing: re.Pattern[str]
    ended: re.Pattern[str]
    draft: re.Pattern[str]
    amended: re.Pattern[str]
    issuer: re.Pattern[str]
    itself: re.Pattern[str]
    alone: re.Pattern[str]
    own_clause: re.Pattern[str]
    other_clause: re.Pattern[str]
    amending: re.Pattern[str]
    amended_clause: re.Pattern[str]

    def first_day(self, sentence: str, issued: str) -> str:
        """The day from which a sentence says that something holds: named, a time after the day of
        issue, or that day; empty where it does not say."""
        match = self.effective.search(sentence)
        if match is None:
            return ""
        groups = _groups(match)
        if span := groups.pop("span", ""):
            return after(issued, span)
        return read_date(next(iter(groups.values()))) if groups else issued

    def last_day(self, sentence: str, start: str) -> str:
        """The last day that a sentence sets for what holds from ``start``; ``UNDATED`` where it
        ends with an event, empty where it does not say."""
        if found := self.until.search(sentence):
            day = read_date(next(iter(_groups(found).values())), end=True)
            if day and day > start:
                return day
        if found := self.lasting.search(sentence):
            return before(after(start, next(iter(_groups(found).values())))) or UNDATED
        return UNDATED if self.eventual.search(sentence) else ""


def _groups(match: re.Match[str]) -> dict[str, str]:
    return {name: value for name, value in match.groupdict().items() if value}


def labelled(names: str) -> re.Pattern[str]:
    """A line, or a bracketed label, that gives a field: ``发文字号：…``, ``[发文字号] …``."""
    return re.compile(
        rf"(?:^|[\s\[【|])(?:{names})\s*(?:[:：]|[\]】])[:：]?[ \t\u3000]*"
        r"(?P<value>[^\n\[【|]{1,80}?)(?=\s*(?:[\n\[【|]|$)|\s{2,}|\s[^\s:：]{2,8}[:：])",
        re.M | re.I,
    )


NEVER = re.compile(r"(?!)")
"""A pattern that matches nothing: what a language does not say."""
