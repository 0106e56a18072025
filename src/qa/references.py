"""Which policies a question names: by number, by title, by the number of their measures.

    国办发〔2020〕24号 第三条        《营商环境实施意见》说了什么        南通的外贸12条里展会补贴怎么说

What is named limits the search to those policies; what is left of the question is searched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import ahocorasick
import numpy as np

from qa.metadata import title_without_issuer
from qa.numbers import clause_number
from qa.places import around, places_named
from qa.scope import Catalogue
from qa.status import number_key, title_keys
from qa.text import normalise

_NUMBER = re.compile(
    r"([\u4e00-\u9fff]{1,16}?)\s*[〔\[(【［﹝]?\s*((?:19|20|21)\d\d)\s*年?\s*[〕\])】］﹞]?\s*第?\s*(\d{1,5})\s*号"
    r"|([\u4e00-\u9fff]{2,16}(?:令|公告))\s*(?:[(〔]?\d{4}年?[)〕]?)?\s*第\s*(\d{1,5})\s*号"
)
_QUOTED = re.compile(r"《([^《》]{2,120})》")
_POLICY = re.compile(
    "(?:法|条例|办法|规定|细则|规则|措施|政策|意见|方案|通知|公告|通告|决定|计划|规划|指南|标准|目录|条)$"
)
_LONG = 10
"""Characters from which a name in quotation marks is that of a policy: licences have names, too."""
_COUNTED = re.compile(
    r"(?P<about>[\u4e00-\u9fff]{0,10}?)(?<!第)(?P<count>\d{1,3}|[一二三四五六七八九十百]{1,5})\s*条"
    r"(?!件|例|款|龙)(?:政策措施|若干措施|政策意见|政策|措施|意见|规定|新政|举措|办法)?"
)
_SHORTEST_TITLE = 6
"""Characters from which a title without quotation marks is taken for one."""
_SHORTEST_QUOTED = 4
_SHORTEST_ABBREVIATION = 5
_FEWEST_MEASURES = 5
_MOST = 20
"""Policies that one name may mean; a name of more says too little."""
_LINK = re.compile(r"^[\s的里中内,，、:：]+|[\s,，、:：的]+$")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a question names: the ``documents`` (positions in the index; none where the number is
    that of no policy here), the words that name them, and the question without those words.
    ``certain``: by number or whole title, not by an abbreviation."""

    documents: tuple[int, ...]
    named: str
    rest: str
    certain: bool = True


class References:
    """Finds the policies that questions name."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find(self, question: str) -> Reference | None:
        """The policies that a question names, None where it names none."""
        form = normalise(question)
        return self._numbered(form) or self._titled(form) or self._counted(form)

    # --- by number

    def _numbered(self, form: str) -> Reference | None:
        for found in _NUMBER.finditer(form):
            issuer, year, number, order, count = found.groups()
            key = f"|{year}|{int(number)}" if year else f"|{int(count)}"
            named = [
                (length, place)
                for prefix, place in self._numbers.get(key, ())
                if (length := len(prefix)) and (issuer or order).endswith(prefix)
            ]
            longest = max((length for length, _ in named), default=0)
            documents = tuple(place for length, place in named if length == longest)
            start = found.start() + len(issuer or order) - longest
            if documents:
                return self._reference(form, [(start, found.end())], documents)
            if year and _ISSUES.search(issuer):
                return Reference((), found.group().strip(), _without(form, [found.span()]))
        return None

    @cached_property
    def _numbers(self) -> dict[str, list[tuple[str, int]]]:
        """By year and number (``|2020|24``), or number alone, who numbers and which document."""
        numbers = defaultdict(list)
        for place, heading in enumerate(self._catalogue.headings):
            if heading.number:
                issuer, _, rest = number_key(heading.number).partition("|")
                if rest:
                    numbers[f"|{rest}"].append((issuer, place))
                elif order := _ORDER.fullmatch(issuer):
                    numbers[f"|{int(order.group(2))}"].append((order.group(1), place))
        return dict(numbers)

    # --- by title

    def _titled(self, form: str) -> Reference | None:
        for found in _QUOTED.finditer(form):
            if documents := self._called(found.group(1)):
                return self._reference(form, [found.span()], documents)
        return self._spelled_out(form)

    def _called(self, name: str) -> tuple[int, ...]:
        """The documents of a title, else those whose titles hold it, else those that it abbreviates:
        all its characters stand in the title, in order."""
        keys = title_keys(f"《{name}》")
        exact = {place for key in keys for place in self._titles.get(key, ())}
        plain = _plain(name)
        if exact or not (_POLICY.search(plain) or len(plain) >= _LONG):
            return tuple(sorted(exact))
        holding = [p for p, title in enumerate(self._plain_titles) if plain in title]
        if not holding and len(plain) >= _SHORTEST_ABBREVIATION:
            holding = [
                p for p, title in enumerate(self._plain_titles) if _abbreviates(plain, title)
            ]
        return tuple(holding) if len(holding) <= _MOST else ()

    def _spelled_out(self, form: str) -> Reference | None:
        """The longest title that stands in the question without quotation marks."""
        offsets = [i for i, character in enumerate(form) if character.isalnum()]
        plain = "".join(form[i] for i in offsets)
        if not len(self._automaton):
            return None
        matches = [(len(key), last) for last, key in self._automaton.iter(plain)]
        if not matches:
            return None
        length, last = max(matches)
        span = (offsets[last + 1 - length], offsets[last] + 1)
        documents = tuple(sorted(self._titles[plain[last + 1 - length : last + 1]]))
        return self._reference(form, [span], documents) if len(documents) <= _MOST else None

    @cached_property
    def _titles(self) -> dict[str, set[int]]:
        titles: dict[str, set[int]] = defaultdict(set)
        for place, heading in enumerate(self._catalogue.headings):
            for key in title_keys(heading.title) | {_plain(title_without_issuer(heading))}:
                if len(key) >= _SHORTEST_QUOTED:
                    titles[key].add(place)
        return dict(titles)

    @cached_property
    def _plain_titles(self) -> list[str]:
        return [_plain(heading.title) for heading in self._catalogue.headings]

    @cached_property
    def _automaton(self) -> ahocorasick.Automaton:
        automaton = ahocorasick.Automaton()
        for key in self._titles:
            if len(key) >= _SHORTEST_TITLE:
                automaton.add_word(key, key)
        automaton.make_automaton()
        return automaton

    # --- by the number of measures

    def _counted(self, form: str) -> Reference | None:
        """``外贸12条``: the policies of that many measures, about that, of the place that the question
        names."""
        for found in _COUNTED.finditer(form):
            count = clause_number(found.group("count"))
            if count < _FEWEST_MEASURES:
                continue
            named = places_named(form)
            about = _pairs(_without_places(found.group("about"), named))
            documents = [
                place
                for place in self._of_measures(count)
                if self._is_about(place, about, named) and self._is_of(place, named)
            ]
            if documents and len(documents) <= _MOST and (about or named):
                span = (found.start() + self._unsaid(found.group("about"), documents), found.end())
                reference = self._reference(form, [span], tuple(documents))
                rest = _unplaced(reference.rest, named)
                return replace(reference, rest=rest, certain=False)
        return None

    def _of_measures(self, count: int) -> list[int]:
        titled = [p for p, counts in enumerate(self._counts) if count in counts]
        numbered = np.flatnonzero(self._catalogue.measures == count).tolist()
        return sorted({*titled, *numbered})

    @cached_property
    def _counts(self) -> list[frozenset[int]]:
        """The numbers of measures that each title names: 十二条政策意见."""
        return [
            frozenset(clause_number(found.group("count")) for found in _COUNTED.finditer(title))
            for title in map(normalise, (heading.title for heading in self._catalogue.headings))
        ]

    def _is_about(self, place: int, about: set[str], named: list[str]) -> bool:
        title = self._plain_titles[place]
        return any(pair in title for pair in about) if about else bool(named)

    def _is_of(self, place: int, named: list[str]) -> bool:
        heading = self._catalogue.headings[place]
        if not named:
            return True
        near = around(frozenset(named))
        return heading.region in near or bool(near & set(places_named(heading.title)))

    def _unsaid(self, about: str, documents: list[int]) -> int:
        """How many characters before the count do not belong to the name of the policy."""
        titles = [self._plain_titles[place] for place in documents]
        for start in range(len(about) - 1):
            if any(about[start : start + 2] in title for title in titles):
                return start
        return len(about)

    # --- parts

    def _reference(
        self, form: str, spans: list[tuple[int, int]], documents: tuple[int, ...]
    ) -> Reference:
        named = "".join(form[start:end] for start, end in spans).strip()
        return Reference(documents, named, _without(form, spans))


_ISSUES = re.compile("[发字函规办令文]$")
"""How who numbers a document is written: 国办发, 鲁政字."""
_ORDER = re.compile(r"(.*?)第?(\d+)[号號]?")


def _plain(text: str) -> str:
    return "".join(character for character in normalise(text) if character.isalnum())


def _abbreviates(name: str, title: str) -> bool:
    characters = iter(title)
    return all(character in characters for character in name)


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


def _without_places(text: str, named: Iterable[str]) -> str:
    for place in named:
        for name in (place, place.rstrip("省市区县")):
            text = text.replace(name, "的")
    return text.rpartition("的")[2]


def _unplaced(text: str, named: Iterable[str]) -> str:
    """What is left of a question without the places that told which policy it means."""
    for place in named:
        for name in (place, place.rstrip("省市区县")):
            text = text.replace(name, " ")
    return " ".join(_LINK.sub("", text).split())


def _without(form: str, spans: list[tuple[int, int]]) -> str:
    for start, end in reversed(spans):
        left, right = form[:start], form[end:]
        form = f"{left.rstrip()} {_LINK.sub('', right) if right else ''}"
    return form.strip()
