"""What a policy says of itself: number, issuer, place, dates, validity, and what it repeals.

Read from the text, as far as the text says it; a sidecar file ``<policy>.meta.toml`` beside the
policy overrides what was read. What is said of a single measure ("executed until 30 June") is not
said of the policy, and is left alone.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qa.dates import DATE, read_date
from qa.errors import CorpusError
from qa.glossary import places
from qa.languages.en.imprint import IMPRINT as ENGLISH
from qa.languages.imprint import Imprint
from qa.languages.ko.imprint import IMPRINT as KOREAN
from qa.languages.zh.imprint import IMPRINT as CHINESE
from qa.places import NATIONAL, innermost, places_named
from qa.provisions import (
    amendments,
    amendments_of,
    clauses_of,
    joined,
    names_clauses,
    of_itself,
    of_named,
    of_the_policy,
    says,
)
from qa.types import UNDATED, Amendment, Document, Language, Provision

_IMPRINTS: dict[Language, Imprint] = {"zh": CHINESE, "en": ENGLISH, "ko": KOREAN}
_OPENING = 800
_SIGNATURE = 120
_DAY = re.compile(DATE, re.IGNORECASE)
_DATE_LINE = re.compile(rf"[（(\s]*({DATE})[）)\s]*$", re.I)
_LONGEST_DATE_LINE = 60
_DATE_AT_THE_END = re.compile(
    rf"(?<=[\s。厅府局部委室会院署行])({DATE})\s*(?:[（(][^（()）]{{2,12}}[）)]\s*)?\Z", re.I
)
_SENTENCE = re.compile(r"[^。；;\n!！]+")
_LATIN_SENTENCE = re.compile(r"(?:[^.;\n]|\.(?=\S)|(?<=\d)\.)+")
_KIND_OF_TEXT = re.compile("意见|办法|措施|通知|方案|规定|决定|条例|细则|计划|规划|政策")
_BEFORE_A_NUMBER = re.compile(
    "^(?:根据|依据|依照|按照|遵照|废止|执行|印发|以及|和|与|及|或|原|将|把|请问|关于)+"
)
_NUMBER_TIES = re.compile(r"\s+")
_OF_A_STATE = re.compile(
    r"^(?:中华人民共和国|中共中央|国务院|全国人民代表大会|最高人民|国家|国发|国办)"
)
_ENDED_STATE = re.compile(r"废止|失效|repealed|expired|withdrawn|superseded|폐지|실효|만료", re.I)
_STILL = re.compile(r"未|没有|not |아니")

FIELDS = (
    "title", "number", "issuer", "region", "issued", "effective", "expires", "repealed",
    "replaces", "replaced_by", "source", "clauses",
)  # fmt: skip
"""What a sidecar file may say."""

CLAUSE_FIELDS = ("effective", "expires", "repealed", "replaced_by")
"""What it may say of a single clause."""

_DATES = ("issued", "effective", "expires", "repealed")


def describe(document: Document, sidecar: Path | None = None) -> Document:
    """The document with all that its text, and its sidecar file where there is one, say of it.

    Raises:
        CorpusError: the sidecar file is not TOML, or has a field that cannot be used.
    """
    said = _read_sidecar(sidecar) if sidecar is not None else {}
    own = said.pop("provisions", ())
    # Much hangs on the date of issue ("in force from that day"): what is said of it counts first.
    described = _with_validity(replace(_with_imprint(document), **said))
    return replace(described, **said, provisions=joined([*own, *described.provisions]))


# --- the imprint: number, issuer, place, date of issue


def _with_imprint(document: Document) -> Document:
    imprint = _IMPRINTS[document.language]
    opening = document.text[:_OPENING]
    listed = {
        field: found.group("value").strip(" \t\u3000-—")
        for field, pattern in imprint.labels.items()
        if (found := pattern.search(opening))
    }
    number = document_number(listed.get("number", "")) or _number(document)
    issuer = listed.get("issuer", "") or _issuer(document, imprint)
    repealed = _first_day(listed.get("repealed", ""))
    title_lines = f"{document.title}\n{opening[:120]}"
    if not repealed and (imprint.ended.search(title_lines) or _says_ended(listed.get("state", ""))):
        repealed = UNDATED
    source = listed.get("source", "")
    return replace(
        document,
        number=number,
        issuer=issuer,
        issued=_first_day(listed.get("issued", "")) or _issued(document.text),
        region=_region(document, issuer, number),
        effective=_first_day(listed.get("effective", "")),
        expires=_first_day(listed.get("expires", "")),
        repealed=repealed,
        source=source if source.startswith("http") else "",
    )


def _says_ended(state: str) -> bool:
    return bool(_ENDED_STATE.search(state)) and not _STILL.search(state)


def _first_day(text: str) -> str:
    found = _DAY.search(text)
    return read_date(found.group()) if found else ""


def document_numbers(text: str) -> list[str]:
    """The document numbers that a text names, as written, in order."""
    return [
        _BEFORE_A_NUMBER.sub("", found.group("number").strip())
        for imprint in _IMPRINTS.values()
        for found in imprint.number.finditer(text)
    ]


def document_number(text: str) -> str:
    """The first document number that a text names, without white space; empty where it names none."""
    return next((_NUMBER_TIES.sub("", number) for number in document_numbers(text)), "")


def _number(document: Document) -> str:
    """The number in the head of a document: on a line of its own, in brackets, or at the end of
    the title. A number inside a sentence is that of another document."""
    imprint = _IMPRINTS[document.language]
    for found in imprint.number.finditer(document.text[:_OPENING]):
        line_start = document.text.rfind("\n", 0, found.start()) + 1
        before_it = document.text[line_start : found.start()].strip(" \t\u3000")
        after_it = document.text[found.end() :].partition("\n")[0].strip(" \t\u3000")
        bare = before_it.rstrip("（( \t\u3000")
        after_title = bool(bare) and before_it != bare and document.title.startswith(bare)
        in_title = bool(document.title) and document.title.endswith(found.group("number"))
        alone = not bare and not set(after_it) & set("。，,；文件精神")
        if alone or after_title or in_title:
            return _without_title(_NUMBER_TIES.sub("", found.group("number")))
        # Laws: "2003年11月23日 中华人民共和国国务院令第392号公布"
        if imprint.amended.search(document.text[line_start:].partition("\n")[0]):
            return _NUMBER_TIES.sub("", found.group("number"))
    return ""


def _without_title(number: str) -> str:
    """A number without the end of a title that it was printed against."""
    kinds = list(_KIND_OF_TEXT.finditer(number.partition("〔")[0]))
    return number[kinds[-1].end() :] if kinds else number


def _issued(text: str) -> str:
    """The date of the signature or under the title; the last of them.

    A date inside a sentence is not the date of the document.
    """
    at_the_end = _DATE_AT_THE_END.search(text[-_SIGNATURE:])
    if at_the_end and (day := read_date(at_the_end.group(1))):
        return day
    days = (day for _, day in reversed(_date_lines(text)) if day)
    return next(days, "") or _amended(text)


def _date_lines(text: str) -> list[tuple[int, str]]:
    """The lines that hold nothing but a date: where they begin, and the day."""
    found, start = [], 0
    for line in text.split("\n"):
        if len(line) <= _LONGEST_DATE_LINE and (match := _DATE_LINE.match(line)):
            found.append((start, read_date(match.group(1))))
        start += len(line) + 1
    return found


def _amended(text: str) -> str:
    """The date of the latest version that the head of a law lists, empty where it lists none."""
    days = [
        read_date(found.group("day"))
        for line in text[:_OPENING].split("\n")
        for imprint in _IMPRINTS.values()
        if (found := imprint.amended.search(line.strip()))
    ]
    return max(days, default="")


def _issuer(document: Document, imprint: Imprint) -> str:
    title = _NUMBER_TIES.sub("", document.title) if document.language != "en" else document.title
    if found := imprint.issuer.search(title):
        return found.group("issuer")
    for signature in _signatures(document.text):
        if re.search(imprint.issuer.pattern.rpartition("(?=")[0] + "$", signature):
            return signature
    return ""


def _signatures(text: str) -> Iterator[str]:
    """The lines before lines that hold nothing but a date: who signs, the last of them first."""
    for start, _ in reversed(_date_lines(text)):
        lines = [line.strip() for line in text[max(start - 200, 0) : start].split("\n")]
        lines = [line for line in lines if line]
        if lines:
            yield _NUMBER_TIES.sub("、" if len(lines[-1].split()) > 1 else "", lines[-1])


def _region(document: Document, issuer: str, number: str) -> str:
    """The place in which a policy holds: that of its issuer, else the one that its title names,
    else the innermost of its head and signature."""
    for text in (issuer, document.title):
        if named := places_named(text):
            return named[0] if len(named) == 1 else innermost(named)
    if _OF_A_STATE.match(issuer) or _OF_A_STATE.match(document.title) or _OF_A_STATE.match(number):
        return NATIONAL
    head, _, _ = document.text[:_OPENING].partition("。")
    named = places_named(f"{head[:250]}\n{document.text[-_SIGNATURE:][-60:]}")
    return innermost(named) if named else ""


# --- validity, and what is repealed


def _with_validity(document: Document) -> Document:
    imprint = _IMPRINTS[document.language]
    effective, expires = document.effective, document.expires
    replaces: list[str] = []
    named: list[Provision] = []
    amends = _listed_changes(document, imprint)
    spoken = -1  # where the last sentence ends that speaks of the policy
    for start, end, sentence in _sentences(document):
        named += of_named(sentence, imprint, document.issued)
        amends += amendments(sentence, imprint)
        replaces += _repealed_by(sentence, imprint)
        ties = _begins_a_line(document.text, start) or start <= spoken + 1
        said = of_the_policy(sentence, imprint, ties)
        if not imprint.subject.search(said):
            continue
        spoken = end
        effective = imprint.first_day(said, document.issued) or effective
        expires = imprint.last_day(said, effective or document.issued) or expires
    if imprint.repealing.search(document.title):
        replaces += _listed(document)
    # A later version of a law holds from then on, whenever the first came into force.
    amended = _amended(document.text) if effective else ""
    if effective and amended > effective and _is_much_later(amended, effective):
        effective = amended
    own = {document.title.strip("《》"), document.number}
    others = tuple(name for name in dict.fromkeys(replaces) if name.strip("《》") not in own)
    if imprint.draft.search(document.title):
        others, amends = (), []
    return replace(
        document,
        effective=effective,
        expires=expires,
        replaces=others,
        provisions=joined(named),
        amends=tuple(dict.fromkeys(amends)),
    )


def with_provisions(document: Document, clauses: Iterable[tuple[str, Sequence[str]]]) -> Document:
    """The document with what its clauses, given as their numbers and sentences, say of themselves;
    what is known of them already goes before."""
    imprint = _IMPRINTS[document.language]
    found = (of_itself(each, path, imprint, document.issued) for path, each in clauses)
    return replace(document, provisions=joined([*document.provisions, *filter(says, found)]))


def _listed_changes(document: Document, imprint: Imprint) -> list[Amendment]:
    """What a policy that is made to change the one in its title changes of it, line by line."""
    titles = _TITLE.findall(document.title)
    if len(titles) != 1 or not imprint.amending.search(document.title):
        return []
    return [
        amendment
        for line in document.text.split("\n")
        # 一、第五条修改为… has a number of its own, 第五条修改为… has not.
        for bare in dict.fromkeys((line.strip(" \t\u3000"), _ENUMERATED.sub("", line.strip())))
        for amendment in amendments_of(f"《{titles[0]}》", bare, imprint)
    ]


def _is_much_later(day: str, other: str) -> bool:
    return (date.fromisoformat(day) - date.fromisoformat(other)).days > 366


def _begins_a_line(text: str, position: int) -> bool:
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return not line.strip()


def _sentences(document: Document) -> Iterator[tuple[int, int, str]]:
    """The sentences that may speak of validity: where each begins and ends, and its wording."""
    text = document.text
    pattern = _SENTENCE if document.language == "zh" else _LATIN_SENTENCE
    words = _WORDS[document.language]
    # Only the sentences around these words: a law has thousands of others.
    done = 0
    for found in words.finditer(text):
        if found.start() < done:
            continue
        start = _last_border(text, found.start())
        match = pattern.match(text, start)
        if match:
            done = match.end()
            yield start, done, _bare(match.group())


_WORDS: dict[Language, re.Pattern[str]] = {
    "zh": re.compile(
        "施行|實施|实施|执行|執行|生效|试行|試行|实行|有效|期限|失效|废止|廢止|停止|不再|截止|终止"
        "|(?:修改|修订|修正|调整|变更|改)为"
    ),
    "en": re.compile(
        r"force|effect|valid|expire|repeal|abolish|annul|revoke|supersede|rescind|terminat|amended",
        re.I,
    ),
    "ko": re.compile("시행|유효|발효|폐지|삭제|개정|까지|기간"),
}
_CLAUSE_NUMBER = re.compile(
    r"^(?:第[一二三四五六七八九十百零〇\d]+条|[一二三四五六七八九十]+、|[（(][一二三四五六七八九十\d]+[）)]|\d+[.．、]|제\s?\d+\s?조(?:\([^)]*\))?|Article\s\d+\.?)\s*"
)


_ENUMERATED = re.compile(
    r"^(?:[一二三四五六七八九十]+、|[（(][一二三四五六七八九十\d]+[）)]|\d+[.．、])\s*"
)


def _last_border(text: str, position: int) -> int:
    border = max(text.rfind(mark, 0, position) for mark in "。；;\n!！")
    return border + 1


def _bare(sentence: str) -> str:
    return _CLAUSE_NUMBER.sub("", sentence.strip(" \t\u3000"))


# Titles in quotation marks; those within others are written with 〈〉 or stay nested.
_TITLE = re.compile(r"《((?:[^《》]|《[^《》]*》){2,120})》")
_AFTER_TITLE = re.compile(
    r"\s*(?P<numbers>(?:[（(〔](?:[^（()）]|[（(][^（()）]*[）)]){2,40}[）)〕])?)"
    r"(?P<partial>(?:中|的)?(?:有关|相关|部分|第[一二三四五六七八九十百零\d]+[条款章项])|(?:第[一二三四五六七八九十]+次)?(?:修正|修订|修改|批准|规定|要求|精神|通过|不一致|等法律))?"
)
_BASIS = re.compile(r"(?:根据|依据|按照|依照|遵照|参照|为贯彻|贯彻|落实|结合)[^，。；《》]{0,12}$")
_DIRECT = re.compile(r"(?:决定|现|现将|予以|一律)?废止(?:了)?\s*$")
_LONG_TAIL = 26


def _repealed_by(sentence: str, imprint: Imprint) -> list[str]:
    """What a sentence repeals: titles with their numbers, as written, else numbers alone."""
    verbs = list(imprint.repeals.finditer(sentence))
    named = []
    for found in _TITLE.finditer(sentence):
        rest = _AFTER_TITLE.match(sentence, found.end())
        if not rest or rest.group("partial") or _BASIS.search(sentence[: found.start()]):
            continue
        verb = next((verb for verb in verbs if verb.start() >= rest.end()), None)
        governed = verb is not None and _governs(
            sentence[rest.end() : verb.start()], verb, sentence
        )
        if governed or _DIRECT.search(sentence[: found.start()]):
            numbers = rest.group("numbers").strip()
            numbers = numbers if document_number(numbers) else ""
            named.append(f"《{found.group(1)}》{numbers}")
    if not named and verbs and not names_clauses(sentence, imprint):
        head = sentence[: verbs[-1].start()]
        tail = document_numbers(head)
        named = (
            tail[-1:]
            if tail and len(head) - head.rfind(tail[-1]) < len(tail[-1]) + _LONG_TAIL
            else []
        )
    return named


def _governs(between: str, verb: re.Match[str], sentence: str) -> bool:
    """Whether a verb ends what was named before it: more titles may stand between, and who issued
    them; but no other statement."""
    last = between.rpartition("》")[2]
    ends = sentence[verb.end() : verb.end() + 1] in ("", "，", ",", "、", "）", ")", " ", "。")
    others = _TITLE.sub("", between)
    return ends and len(last) <= _LONG_TAIL and not re.search(r"施行[，,]|修改|应当|可以", others)


def _listed(document: Document) -> list[str]:
    """What a decision to repeal lists: the titles and numbers that begin its lines or follow an
    enumerator. One that also modifies lists both: then nothing is taken for repealed."""
    if "修改" in document.title or "修订" in document.title:
        return []
    named = []
    for line in document.text.split("\n"):
        bare = _bare(line)
        found = _TITLE.search(bare)
        if found and found.start() < 30:
            rest = _AFTER_TITLE.match(bare, found.end())
            if rest and not rest.group("partial") and not _BASIS.search(bare[: found.start()]):
                numbers = rest.group("numbers") if document_number(rest.group("numbers")) else ""
                named.append(f"《{found.group(1)}》{numbers}")
    return named


_PROVISIONAL = re.compile(
    r"试行|暂行|試行|暫行|\btrial\b|\b(?:provisional|interim)\b|임시|잠정|시범", re.I
)


def is_draft(document: Document) -> bool:
    """Whether a text is a draft: it is not in force, and ends no other."""
    return bool(_IMPRINTS[document.language].draft.search(document.title))


def is_provisional(title: str) -> bool:
    """Whether a policy is on trial: it will end, even where it does not say when."""
    return bool(_PROVISIONAL.search(title))


def title_without_issuer(document: Document) -> str:
    """A title without who issued it: how people cite it."""
    found = _IMPRINTS[document.language].issuer.match(document.title)
    return document.title[found.end("issuer") :].strip() if found else document.title


def repeals_only(document: Document) -> bool:
    """Whether the purpose of a policy is to end others: it takes the place of none."""
    return bool(_IMPRINTS[document.language].repealing.search(document.title))


# --- the sidecar file


def _read_sidecar(sidecar: Path) -> dict[str, Any]:
    """The fields of a sidecar file, checked, as ``Document`` holds them."""
    try:
        fields = tomllib.loads(sidecar.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise CorpusError(
            sidecar, f"cannot be read ({error.strerror})", "check its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise CorpusError(sidecar, "is not text in UTF-8", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise CorpusError(
            sidecar,
            f"is not TOML ({error})",
            'write one field a line: issuer = "…", issued = 2020-03-05',
        ) from error
    clauses = fields.pop("clauses", {})
    values = _values(sidecar, fields, FIELDS)
    if clauses:
        values["provisions"] = _provisions(sidecar, clauses)
    return values


def _values(sidecar: Path, fields: dict[str, Any], known: Sequence[str]) -> dict[str, Any]:
    values = {name: _value(sidecar, name, value, known) for name, value in fields.items()}
    effective, expires = values.get("effective", ""), values.get("expires", "")
    if effective and expires not in ("", UNDATED) and expires < effective:
        raise CorpusError(
            sidecar, "has a field expires before effective", "correct one of the two dates"
        )
    return values


def _provisions(sidecar: Path, clauses: Any) -> tuple[Provision, ...]:
    """What the tables ``[clauses."第五条"]`` of a sidecar say."""
    if not isinstance(clauses, dict) or not all(
        isinstance(each, dict) for each in clauses.values()
    ):
        raise _wrong(sidecar, "clauses", clauses, 'write a table: [clauses."第五条"]')
    return tuple(
        Provision(number, **_values(sidecar, fields, CLAUSE_FIELDS))
        for number, fields in clauses.items()
    )


def check_clauses(sidecar: Path, paths: Sequence[str]) -> None:
    """Raises CorpusError where a sidecar file speaks of a clause that its policy, whose clauses
    have the numbers ``paths``, does not have."""
    for provision in _read_sidecar(sidecar).get("provisions", ()):
        if not clauses_of(provision.clause, paths):
            raise CorpusError(
                sidecar,
                f"speaks of a clause {provision.clause!r}, which the policy does not have or has more than once",
                'write the number as printed, with those above it: [clauses."一/（二）"]; '
                "`python -m qa clauses` shows them",
            )


def _value(sidecar: Path, name: str, value: Any, known: Sequence[str]) -> Any:
    """The value of a field of the sidecar as ``Document`` holds it."""
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}" if near else f"known fields: {', '.join(known)}"
        raise CorpusError(sidecar, f"has an unknown field {name!r}", hint)
    if name == "replaces":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            raise _wrong(sidecar, name, value, 'write a list: replaces = ["威政发〔2018〕5号"]')
        return tuple(names)
    if name in _DATES:
        return _date_value(sidecar, name, value)
    if not isinstance(value, str):
        raise _wrong(sidecar, name, value, f'write it in quotation marks: {name} = "…"')
    if name == "region" and value and value != NATIONAL:
        return _region_value(sidecar, value)
    return value.strip()


def _date_value(sidecar: Path, name: str, value: Any) -> str:
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if value is False or value == "":
        return ""
    if name in ("repealed", "expires") and (value is True or value == UNDATED):
        return UNDATED
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    day = read_date(found.group()) if found else ""
    if not day:
        also = ", or true where the day is not known" if name == "repealed" else ""
        raise _wrong(sidecar, name, value, f"write a day: {name} = 2020-03-05{also}")
    return day


def _region_value(sidecar: Path, value: str) -> str:
    names = {name: term.zh for term in places() for _, name in term.names()}
    if value not in names:
        near = difflib.get_close_matches(value, names, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}" if near else 'write a Chinese place: "威海市"'
        raise _wrong(sidecar, "region", value, hint)
    return names[value]


def _wrong(sidecar: Path, name: str, value: object, remedy: str) -> CorpusError:
    return CorpusError(sidecar, f"has a field {name} that cannot be used ({value!r})", remedy)
