"""The rules that differ by language, one folder each: numbering, departments."""

from __future__ import annotations

from qa.languages.en.departments import NOTES as EN_NOTES
from qa.languages.en.numbering import NUMBERING as EN_NUMBERING
from qa.languages.grammar import NoteGrammar, Numbering
from qa.languages.ko.departments import NOTES as KO_NOTES
from qa.languages.ko.numbering import NUMBERING as KO_NUMBERING
from qa.languages.zh.departments import NOTES as ZH_NOTES
from qa.languages.zh.numbering import NUMBERING as ZH_NUMBERING
from qa.types import Language

NUMBERING: dict[Language, Numbering] = {
    "zh": ZH_NUMBERING,
    "en": EN_NUMBERING,
    "ko": KO_NUMBERING,
}
NOTES: dict[Language, NoteGrammar] = {"zh": ZH_NOTES, "en": EN_NOTES, "ko": KO_NOTES}
