"""What a language has to tell about its documents before they can be split into clauses.

Only tables and small functions: the code that uses them (``qa.markers``, ``qa.outline``,
``qa.notes``, ``qa.clauses``) knows no language. Every pattern is bounded, so that no text,
however hostile, costs more than time proportional to its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["lead", "plain", "skip"]
"""What a label in a note says of the names after it; ``skip`` is for deadlines and persons."""


ARTICLE = 4
"""The innermost of the divisions: see :attr:`MarkerKind.division`."""


@dataclass(frozen=True, slots=True, eq=False)
class MarkerKind:
    """One style of printed numbers, such as ``（一）`` or ``Article 1``.

    ``number`` and ``tail`` are regular expressions: the printed number that is kept, and the
    punctuation after it. ``not_after`` is searched in the few characters before a find and
    ``not_before`` matched right after it: each tells a cross reference from a number.
    """

    name: str
    number: str
    tail: str
    ordinal: Callable[[str], int]
    division: int = 0
    """Parts, chapters, sections and articles have a fixed order: 1 is the outermost, 4 the
    article, whose items are not clauses of their own. 0: the document sets the order."""
    item: bool = False
    """A style that lists things inside a clause: it never holds a style that is none."""
    glued: bool = True
    """Whether the number may follow a word without any stop or line break between."""
    not_after: re.Pattern[str] | None = None
    not_before: re.Pattern[str] | None = None
    loose: bool = False
    """A style without punctuation of its own: a number only where it begins a line or goes on
    with an open list."""
    continues: str = ""
    """Another style whose list this one may continue (``3、`` after ``2.``, a frequent slip)."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbering:
    """How documents in one language are numbered, titled, ended and appended to."""

    kinds: tuple[MarkerKind, ...]
    starts: str
    """The characters that numbers begin with, as in a character class."""
    contents: re.Pattern[str]
    """The line above a table of contents."""
    appendix: re.Pattern[str]
    """The line that opens an appendix."""
    attachments: re.Pattern[str]
    """The beginning of a list of attachments."""
    signature: re.Pattern[str]
    """A block of signature and date, or what else can only stand after the last clause."""
    closing: re.Pattern[str]
    """Group 1 begins a closing formula that follows the last clause without a number."""
    sentence_end: re.Pattern[str]
    title_limit: int
    """The most characters that a title has."""
    title_commas: int = 2
    """The most commas that a title has."""
    title_separator: re.Pattern[str] = re.compile("[：:]")
    """What may stand between a title and its text instead of a full stop."""
    title_without: frozenset[str] = frozenset(' ，,；;“"《（(')
    """Characters that show, before such a separator, that the words are no title."""


@dataclass(frozen=True, slots=True, eq=False)
class NoteGrammar:
    """How documents in one language name the departments responsible."""

    labels: tuple[tuple[str, Role], ...]
    """Regular expressions of the words before a colon, the most particular first."""
    copula: str
    """A regular expression of the words that may stand for the colon after a label."""
    told: re.Pattern[str]
    """The end of a sentence that may say who is responsible and nothing else."""
    roles: re.Pattern[str]
    """The words after names that say what they do; group ``lead`` matches where they lead."""
    role_ends: frozenset[str]
    """The last characters of such words; empty where they stand elsewhere too."""
    turn: re.Pattern[str]
    """Words of role with more names right after them, as if a comma stood between."""
    separators: str
    """Characters between names."""
    groups: str
    """Those of the separators that set off groups of names."""
    stops: str
    """Those that end a sentence: what follows is a remark, unless it says who does what."""
    before: re.Pattern[str]
    """What to take off the front of a name."""
    after: re.Pattern[str]
    """What to take off the end of a name: and others, in charge of."""
    remark: re.Pattern[str]
    """A bracket after a name that is no part of it; group ``lead`` where it marks a leader,
    group ``all`` where it marks all of its group."""
    organisation: re.Pattern[str]
    """Found in a name that is surely an organisation."""
    collective: re.Pattern[str]
    """Matches a collective name, which leads nothing by standing first."""
    name_limit: int
    """The most characters that a name has."""
    noise: re.Pattern[str]
    """Matches what stands in a list of names and is none."""
    section: re.Pattern[str]
    """A sentence that says who is responsible for all clauses of its section: group ``below`` or
    ``above`` tells which, group ``names`` who."""
    first_leads: re.Pattern[str]
    """A rule, said once in the document: the first name leads."""
    first_group_leads: re.Pattern[str]
    """A rule, said once in the document: the names before the first comma lead."""
    divide: Callable[[str], list[str]]
    """Takes names that a conjunction joins apart."""
    complete: Callable[[str, str], str]
    """Gives a name the end that it shares with its neighbour in the list."""
    unfinished: re.Pattern[str]
    """Found in a name that may go on behind a separator."""
    belongs: Callable[[str, str], bool]
    """Whether such a name and its neighbour in a list are one (``各市`` and ``县（区）人民政府``)."""
