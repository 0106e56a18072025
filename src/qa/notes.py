"""The notes that name the departments responsible: where they stand, and whom they name.

A note is a bracket, ``（责任单位：市商务局、市财政局）`` or ``（市商务局牵头，市财政局配合）``,
or a line or sentence that begins with its label. What a language calls things is in its
``NoteGrammar``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from qa.languages.grammar import NoteGrammar, Role
from qa.layout import FILLER

_LONGEST = 600
_OPENING = "（(［[〔【〈《｛{"
_CLOSING = "）)］]〕】〉》｝}"
_FAMILY = dict(zip(_OPENING + _CLOSING, "rrsstlabcc" * 2, strict=True))
_BRACKET = re.compile(rf"[{re.escape(_OPENING + _CLOSING)}]")
_DEEPEST = 3
_FEW = 2  # names, beyond which one that does not look like a name passes for one
_HABIT = 3  # notes that a document has to have for brackets with nothing but names to be some
_SENTENCE_ENDS = ("。", "；", ".", ";")
Mark: TypeAlias = Literal["", "lead", "all"]
"""What a remark after a name says: nothing, that it leads, that all before it lead with it."""

_MARKUP = " \t\u3000\xa0*_\n" + FILLER
_AROUND = _MARKUP + "—-－“”\"'"
_HAN = re.compile("[\u4e00-\u9fff]")
_CLOSED = re.compile("[：:︰】〕］\\]]")  # what ends a label
_BEFORE_COLON = rf"[*_]{{0,2}}[ \t\u3000{FILLER}]{{0,8}}"
_BULLETS = "▲△▼●○■□◆◇★☆※►▶▪•·◎➢➤√✓✔☑"
_LONGEST_SENTENCE = 160


@dataclass(frozen=True, slots=True)
class Name:
    """A department as printed; ``group`` counts the commas before it in its note."""

    text: str
    lead: bool
    group: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """A note, ``text[start:end]`` of its document, and the departments it names."""

    start: int
    end: int
    names: tuple[Name, ...]


def find(
    text: str, bounds: list[int], bodies: list[int], closings: list[int], grammar: NoteGrammar
) -> list[Note]:
    """All notes in ``text``, in order, none inside another.

    ``bounds`` are sorted offsets that no note crosses: where units of the outline begin;
    ``bodies`` where their texts begin; ``closings`` those at which a note without brackets ends.
    """
    found = sorted(_bracketed(text, bounds, grammar), key=_start)
    found = sorted([*found, *_labelled(text, [*bounds, *closings], found, grammar)], key=_start)
    return sorted([*found, *_told(text, bodies, found, grammar)], key=_start)


def _start(note: Note) -> int:
    return note.start


def apply_rule(text: str, notes: list[Note], grammar: NoteGrammar) -> list[Note]:
    """Mark leaders by a rule that the document states once: ``列第一位的为牵头单位``."""
    if grammar.first_group_leads.search(text):
        return [_led(note, 1, grammar, whole_group=True) for note in notes]
    if grammar.first_leads.search(text):
        return [_led(note, 1, grammar, whole_group=False) for note in notes]
    return notes


def _led(note: Note, count: int, grammar: NoteGrammar, *, whole_group: bool) -> Note:
    if any(name.lead for name in note.names):
        return note
    first = note.names[0].group
    names = tuple(
        replace(name, lead=not grammar.collective.match(name.text))
        if (name.group == first if whole_group else index < count)
        else name
        for index, name in enumerate(note.names)
    )
    return replace(note, names=names)


# --- where notes stand -------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _label(grammar: NoteGrammar) -> re.Pattern[str]:
    """Any label with its colon; the group that matched is the label's place in the table."""
    words = "|".join(f"(?P<l{index}>{label})" for index, (label, _) in enumerate(grammar.labels))
    return re.compile(
        rf"(?<![A-Za-z])[【〔［\[]?(?:{words}){_BEFORE_COLON}(?:[：:︰]|[】〕］\]][：:]?)[*_]{{0,2}}",
        re.I,
    )


@lru_cache(maxsize=8)
def _loose_label(grammar: NoteGrammar) -> re.Pattern[str]:
    """A label at the beginning of a bracket may go without its colon."""
    words = "|".join(f"(?P<l{index}>{label})" for index, (label, _) in enumerate(grammar.labels))
    return re.compile(
        rf"(?:{words})(?:[ \t\u3000]{{0,4}}[：:︰]|[ \t\u3000]{{1,4}}|{grammar.copula})", re.I
    )


@lru_cache(maxsize=8)
def _labelled_start(grammar: NoteGrammar) -> re.Pattern[str]:
    """A label at the beginning of a line or sentence, or a long one after a space."""
    words = "|".join(label for label, _ in grammar.labels)
    return re.compile(
        rf"(?:(?:^|(?<=[。；;！!？?.)）\]】〕:：]))[ \t\u3000*_>{_BULLETS}—–-]{{0,12}}"
        rf"|(?<=[ \t\u3000])(?=[^ \t\u3000：:]{{4}}))"
        rf"(?P<label>[{re.escape(_OPENING)}]?(?:{words}){_BEFORE_COLON}(?:[：:︰】〕］]|{grammar.copula}))",
        re.M | re.I,
    )


def _pairs(text: str) -> list[tuple[int, int]]:
    """Matched brackets short enough to be a note and with little inside, by where they open."""
    pairs: list[tuple[int, int]] = []
    stack: list[tuple[str, int, int]] = []  # family, start, height of what it holds
    for match in _BRACKET.finditer(text):
        char, position = match.group(), match.start()
        family = _FAMILY[char]
        if char in _OPENING:
            stack.append((family, position, 0))
            continue
        for depth in range(len(stack) - 1, max(-1, len(stack) - 5), -1):
            if stack[depth][0] == family:
                _, start, height = stack[depth]
                del stack[depth:]
                if height < _DEEPEST and position - start < _LONGEST:
                    pairs.append((start, position + 1))
                if stack:
                    outer, opened, inner = stack[-1]
                    stack[-1] = (outer, opened, max(inner, height + 1))
                break
    return sorted(pairs)


def _bracketed(text: str, bounds: list[int], grammar: NoteGrammar) -> Iterator[Note]:
    end = 0
    found = 0
    bare: list[Note] = []
    for start, stop in _pairs(text):
        if start < end or _crosses(bounds, start, stop):
            continue
        content = _joined_lines(text[start + 1 : stop - 1].replace(FILLER, ""), grammar)
        names = read(content, grammar)
        if names:
            end = stop
            found += 1
            yield Note(start, stop, names)
        elif text[max(0, start - 4) : start].rstrip(_MARKUP)[-1:] in _SENTENCE_ENDS:
            names = _bare(content, grammar)
            bare += [Note(start, stop, names)] if names else []
    if len(bare) + found >= _HABIT:
        yield from bare


def _joined_lines(content: str, grammar: NoteGrammar) -> str:
    """The content of a bracket, whose lines break inside names rather than between them."""
    if "\n" not in content:
        return content
    first, *others = (line.strip(_MARKUP) for line in content.split("\n"))
    for line in others:
        whole = not _HAN.match(first[-1:]) or _label(grammar).match(line)
        first += ("\n" if whole else "") + line
    return first


def _crosses(bounds: list[int], start: int, stop: int) -> bool:
    index = bisect_right(bounds, start)
    return index < len(bounds) and bounds[index] < stop


def _labelled(
    text: str, bounds: list[int], bracketed: list[Note], grammar: NoteGrammar
) -> Iterator[Note]:
    end = 0
    held: Note | None = None
    limits = sorted([*bounds, *map(_start, bracketed)])
    for match in _labelled_start(grammar).finditer(text):
        start = match.start("label")
        index = bisect_right(bracketed, start, key=_start) - 1
        if start < end or (index >= 0 and start < bracketed[index].end):
            continue
        index = bisect_right(limits, start)
        limit = min(limits[index] if index < len(limits) else len(text), start + _LONGEST)
        stop = _line_end(text, match.end(), limit)
        names = read(text[start:stop].lstrip(_OPENING), grammar)
        end = start + len(text[start:stop].rstrip(_MARKUP.replace(FILLER, "")))
        if not names and not _skipped(match.group("label"), grammar):
            continue
        adjoining = held and not text[held.end : start].strip(_MARKUP)
        if held and adjoining and not (names and held.names):
            held = Note(held.start, end, held.names or names)
            continue
        if held and held.names:
            yield held
        held = Note(start, end, names)
    if held and held.names:
        yield held


def _skipped(label: str, grammar: NoteGrammar) -> bool:
    """Whether a label is one of deadlines or persons, which belong to the note beside them."""
    match = _label(grammar).match(label.lstrip(_OPENING))
    return match is not None and grammar.labels[int(str(match.lastgroup)[1:])][1] == "skip"


def _told(text: str, bodies: list[int], found: list[Note], grammar: NoteGrammar) -> Iterator[Note]:
    """Whole sentences that say who is responsible and nothing else, where that is the habit."""
    told: list[Note] = []
    for match in grammar.told.finditer(text):
        first = max(0, match.start() - _LONGEST_SENTENCE)
        start = (
            max((text.rfind(char, first, match.start()) for char in "。；;）)\n"), default=-1) + 1
        )
        index = bisect_right(bodies, match.start())
        start = max(start, bodies[index - 1] if index else 0)
        start += len(text[start : match.start()]) - len(text[start : match.start()].lstrip(_MARKUP))
        before = bisect_right(found, start, key=_start) - 1
        inside = before >= 0 and found[before].end > start
        heads = start in bodies[index - 1 : index]
        if start > first and not inside and (heads or text[match.end()] != "："):
            names = _bare(text[start : match.end()].replace(FILLER, ""), grammar)
            told += [Note(start, match.end() + 1, names)] if names else []
    if len(told) >= _HABIT:
        yield from told


def _line_end(text: str, start: int, limit: int) -> int:
    """The end of the first line or sentence with something in it."""
    position = start
    while position < limit and text[position] in _MARKUP:
        position += 1
    for index in range(position, limit):
        if text[index] in "\n。":
            return index
    return limit


# --- whom they name ----------------------------------------------------------------------------


def read(content: str, grammar: NoteGrammar) -> tuple[Name, ...]:
    """The departments that the content of a bracket or line names; () where it is no note."""
    content = content.replace(FILLER, "").strip(_MARKUP)
    parts = list(_parts(content, grammar))
    if not parts:
        return ()
    names: list[Name] = []
    group = 0
    for role, words in parts:
        found, group = _names(words, role, group, grammar)
        names += found
    labelled = any(role is not None for role, _ in parts)
    if not labelled and not _convincing(names, grammar):
        return ()
    return _unique(names)


def column(title: str, grammar: NoteGrammar) -> Role | None:
    """What the title of a column in a table says of the names below it; None where it is none."""
    match = _label(grammar).fullmatch(f"{title.strip(_MARKUP)}:")
    return grammar.labels[int(str(match.lastgroup)[1:])][1] if match else None


def named(cell: str, role: Role, grammar: NoteGrammar) -> tuple[Name, ...]:
    """The departments in a cell below such a title."""
    return _unique(_names(cell, role, 0, grammar)[0])


def _parts(content: str, grammar: NoteGrammar) -> Iterator[tuple[Role | None, str]]:
    """The content cut at its labels, each part with what its label says; none without labels."""
    closed = _CLOSED.search(content)
    labels = list(_label(grammar).finditer(content)) if closed else []
    loose = _loose_label(grammar).match(content)
    if loose and (not labels or labels[0].start() > 0):
        labels.insert(0, loose)
    if not labels:
        if _has_role(content, grammar):
            yield None, content
        return
    if labels[0].start() > 0 and len(labels) == 1 and not _has_role(content, grammar):
        return  # a sentence with a label somewhere inside
    if labels[0].start() > 0:
        yield "plain", content[: labels[0].start()]
    for label, following in zip(labels, [*labels[1:], None], strict=True):
        index = int(str(label.lastgroup)[1:])
        stop = following.start() if following else len(content)
        yield grammar.labels[index][1], content[label.end() : stop]


def _has_role(content: str, grammar: NoteGrammar) -> bool:
    return any(_role(atom, grammar)[1] for atom, _ in _atoms(content, grammar.separators))


def _names(
    words: str, role: Role | None, group: int, grammar: NoteGrammar
) -> tuple[list[Name], int]:
    """The names in one part of a note; names before "take the lead" lead."""
    names: list[Name] = []
    if role == "skip":
        return names, group
    pending: list[Name] = []
    words = grammar.turn.sub(rf"\g<0>{grammar.groups[0]}", _without_remarks(words, grammar))
    for atom, separator in _joined(words, grammar):
        lead, closed, left = _role(atom, grammar)
        for name in grammar.divide(left):
            cleaned, mark = _clean(name, grammar)
            if cleaned:
                pending.append(Name(cleaned, role == "lead" or bool(mark), group))
            if mark == "all":
                pending = [replace(n, lead=n.lead or n.group == group) for n in pending]
        if closed:
            names += [replace(name, lead=True) if lead else name for name in pending]
            pending = []
        if separator and separator in grammar.groups:
            group += 1
    return _completed(names + pending, grammar), group + 1


def _completed(names: list[Name], grammar: NoteGrammar) -> list[Name]:
    """The names, each with the end that it shares with the next of its group."""
    completed = names[-1:]
    for name in names[-2::-1]:
        whole = grammar.complete(name.text, completed[-1].text)
        alike = name.group == completed[-1].group and whole != name.text
        completed.append(replace(name, text=whole) if alike else name)
    return completed[::-1]


def _without_remarks(words: str, grammar: NoteGrammar) -> str:
    """The first sentence, with those after it that say who does what."""
    kept = [sentence for sentence, _ in _atoms(words, grammar.stops)]
    return grammar.groups[0].join([kept[0], *(s for s in kept[1:] if _has_role(s, grammar))])


def _role(atom: str, grammar: NoteGrammar) -> tuple[bool, bool, str]:
    """Whether the names up to this one lead, whether words of role end them, and what is left."""
    if grammar.role_ends and atom[-1:] not in grammar.role_ends:
        return False, False, atom
    match = grammar.roles.search(atom)
    if not match:
        return False, False, atom
    lead = any(group for key, group in match.groupdict().items() if key.startswith("lead"))
    return lead, True, atom[: match.start()] + atom[match.end() :]


def _atoms(words: str, separators: str) -> Iterator[tuple[str, str]]:
    """The words between separators outside brackets, each with the separator after it."""
    depth = start = 0
    for match in _borders(separators).finditer(words):
        char = match.group()
        if char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth = max(0, depth - 1)
        elif not depth:
            yield words[start : match.start()], char
            start = match.end()
    yield words[start:], ""


@lru_cache(maxsize=16)
def _borders(separators: str) -> re.Pattern[str]:
    """Separators and brackets."""
    return re.compile(f"[{re.escape(separators + _OPENING + _CLOSING)}]")


def _joined(words: str, grammar: NoteGrammar) -> Iterator[tuple[str, str]]:
    """The atoms, with neighbours that are one name put together as printed."""
    held, mark = "", ""
    for atom, separator in _atoms(words, grammar.separators):
        if mark not in grammar.groups + "\n\t" and grammar.unfinished.search(held.strip()):
            following = grammar.roles.sub("", atom).strip(_AROUND)
            following = _clean(following, grammar)[0] or following
            if grammar.belongs(held.strip(), following):
                held, mark = f"{held}{mark}{atom}", separator
                continue
        if held.strip():
            yield held, mark
        held, mark = atom, separator
    if held.strip():
        yield held, mark


def _clean(name: str, grammar: NoteGrammar) -> tuple[str, Mark]:
    """The bare name, empty where it is none, and whether a remark marks it as leading."""
    mark: Mark = ""
    previous = None
    while name != previous:
        previous = name
        name = name.replace("：", ":").rpartition(":")[2].strip(_AROUND)
        remark = grammar.remark.search(name)
        if remark:
            mark = "all" if remark.group("all") else "lead" if remark.group("lead") else mark
            name = name[: remark.start()]
        front = grammar.before.match(name)
        name = grammar.after.sub("", name[front.end() :] if front else name)
    if not 1 < len(name) <= grammar.name_limit or grammar.noise.match(name):
        return "", mark
    return name, mark


def _convincing(names: list[Name], grammar: NoteGrammar) -> bool:
    """Whether a bracket without a label is a note: it names organisations and nothing else."""
    surely = [bool(grammar.organisation.search(name.text)) for name in names]
    return bool(surely) and surely[0] and sum(surely) * 4 >= len(surely) * 3


def _bare(content: str, grammar: NoteGrammar) -> tuple[Name, ...]:
    """The names in a bracket that holds nothing else, bar one that does not look like a name."""
    names, _ = _names(content, "plain", 0, grammar)
    atoms = sum(
        not grammar.noise.match(atom.strip(_AROUND)) for atom, _ in _joined(content, grammar)
    )
    unsure = [name for name in names if not grammar.organisation.search(name.text)]
    sure = len(names) >= atoms and len(unsure) <= (len(names) > _FEW and names[0] not in unsure)
    return _unique(names) if sure else ()


def _unique(names: list[Name]) -> tuple[Name, ...]:
    """Each name once, leading where it leads anywhere."""
    found: dict[str, Name] = {}
    for name in names:
        known = found.get(name.text)
        found[name.text] = replace(known, lead=known.lead or name.lead) if known else name
    return tuple(found.values())
