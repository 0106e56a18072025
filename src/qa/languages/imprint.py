"""What a language pack says about how policies name their number, issuer and time of validity."""

from __future__ import annotations

import re
from dataclasses import dataclass


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


def labelled(names: str) -> re.Pattern[str]:
    """A line, or a bracketed label, that gives a field: ``发文字号：…``, ``[发文字号] …``."""
    return re.compile(
        rf"(?:^|[\s\[【|])(?:{names})\s*(?:[:：]|[\]】])[:：]?[ \t\u3000]*"
        r"(?P<value>[^\n\[【|]{1,80}?)(?=\s*(?:[\n\[【|]|$)|\s{2,}|\s[^\s:：]{2,8}[:：])",
        re.M | re.I,
    )


NEVER = re.compile(r"(?!)")
"""A pattern that matches nothing: what a language does not say."""
