"""What reading a file gives, and the error where it gives nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from qa.errors import CorpusError
from qa.messages import message


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a file that its owner should know: a message key with its values."""

    key: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of a file: NFC with ``\\n`` line ends, no byte order mark, no residue.

    Attributes:
        text: paragraphs are lines, the cells of a table's row stand between tabs.
        format: the name of the format, such as ``docx``.
        encoding: of a text format, such as ``gb18030``; empty for a binary one.
        title: as the file's own metadata says it; may be empty.
        tables: how many tables are kept in the text.
        characters: of the text before residue was removed, white space aside.
    """

    text: str
    format: str
    encoding: str = ""
    title: str = ""
    tables: int = 0
    characters: int = 0
    remarks: tuple[Remark, ...] = ()


def remark(key: str, **values: object) -> Remark:
    """A remark whose text is the message ``remark.<key>``."""
    return Remark(key, tuple((name, str(value)) for name, value in values.items()))


def refusal(path: Path | str, reason: str, **values: str) -> CorpusError:
    """The error that a file cannot be used, its texts those of ``refused.<reason>``."""
    return CorpusError(
        path,
        message("en", f"refused.{reason}", **values),
        message("en", f"remedy.{reason}", **values),
        reason,
        values,
    )


_RADICALS = dict(
    zip(
        "⺁⺄⺆⺈⺉⺊⺋⺌⺍⺎⺏⺒⺓⺔⺕⺗⺘⺙⺛⺝⺞⺟⺠⺡⺣⺤⺥⺦⺨⺩⺪⺫⺭⺮⺯⺰⺱⺲⺴⺶⺷⺹⺺⺻⺼⺽⻀⻁⻂⻃⻄⻅⻆⻈⻉⻋⻌⻍⻎⻐⻑⻒⻓⻔⻕⻖⻗⻘⻙⻚⻛⻜⻝⻟⻠⻡⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲⻳",
        "厂乙冂刀刂卜㔾小小兀尣巳幺彑彐忄扌攵旡月歺母民氵灬爫爫丬犭王疋目礻竹糸纟罓罒罓羊羊耂肀聿月臼艹虎衤覀西见角讠贝车辶辶辶钅長镸长门阜阝雨青韦页风飞食飠饣首马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟",
        strict=True,
    )
) | {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)}
"""Radicals → the characters that they look like (Unicode's EquivalentUnifiedIdeograph.txt).

Programs that print to PDF write them in place of the characters: 人⺠政府 is found by nobody."""

_CLEAN = str.maketrans({**_RADICALS, "⼾": "户", "\0": "", "\r": "\n"})


def clean(text: str) -> str:
    """NFC with ``\\n`` line ends, no byte order mark, no NUL, and characters for radicals."""
    return unicodedata.normalize(
        "NFC", text.removeprefix("\ufeff").replace("\r\n", "\n").translate(_CLEAN)
    )


def printed(text: str) -> int:
    """How many characters of ``text`` are not white space."""
    return sum(map(len, text.split()))
