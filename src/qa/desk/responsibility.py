"""Who is responsible for a clause, and the words of the policy that say so."""

from __future__ import annotations

from dataclasses import dataclass

from qa.glossary import Term
from qa.index import Index
from qa.render import department_term
from qa.types import LANGUAGES, Clause, Document, Language


@dataclass(frozen=True, slots=True)
class Party:
    """A department of a clause: as printed, its names by language as far as the directory has
    them, its full name in Chinese, and its telephone; empty where the directory has none."""

    printed: str
    names: dict[Language, str]
    full: str = ""
    telephone: str = ""

    def name(self, language: Language) -> str:
        """The name in a language, else as printed."""
        return self.names.get(language) or self.printed


@dataclass(frozen=True, slots=True)
class Responsibility:
    """The leading and the other departments of a clause, and the notes that name them, as printed
    (each a slice of the clause). Without a lead the policy tells none apart."""

    lead: tuple[Party, ...]
    others: tuple[Party, ...]
    words: tuple[str, ...]

    @property
    def first(self) -> Party | None:
        """Whom a call goes on to: the first that leads, else the first that is named."""
        return next(iter((*self.lead, *self.others)), None)

    @property
    def parties(self) -> tuple[Party, ...]:
        """All departments, those that lead first."""
        return (*self.lead, *self.others)


def responsibility(clause: Clause, document: Document, index: Index) -> Responsibility:
    """The departments of a clause with what the directory knows of them."""
    parties = {name: party(name, document, index) for name in clause.departments}
    return Responsibility(
        tuple(each for name, each in parties.items() if name in clause.lead),
        tuple(each for name, each in parties.items() if name not in clause.lead),
        tuple(clause.text[start:end].strip() for start, end in clause.notes),
    )


def party(printed: str, document: Document | None, index: Index) -> Party:
    """A department as the directory knows it; as printed where no table does."""
    term = department_term(index, printed, document)
    if term is None:
        return Party(printed, {})
    names = {language: term.name(language) for language in LANGUAGES if term.name(language)}
    return Party(printed, {**names, "zh": printed}, full_name(term), term.telephone)


def full_name(term: Term) -> str:
    """The first of its Chinese aliases where that is longer than its name, as corpus/README.md asks
    for (市发展改革委: 威海市发展和改革委员会); else its name."""
    first = next((name for language, name in term.aliases if language == "zh"), "")
    return max(term.zh, first, key=len)


def duties(printed: str, index: Index) -> list[int]:
    """The positions of all clauses for which a department is responsible, in the order of the
    index; the department goes by any name that a clause may print."""
    found = index.departments.find(printed)
    names = frozenset(index.departments.terms[place].zh for place in found)
    positions: list[int] = index.clauses_of_departments(names or frozenset([printed])).tolist()
    return positions
