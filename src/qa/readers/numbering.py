"""The automatic numbers of a word processor: a count in the format of its list.

The names of the formats are those of ECMA-376, 17.18.59 (ST_NumberFormat).
"""

from __future__ import annotations

from collections.abc import Callable

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_GANADA = "가나다라마바사아자차카타파하"
_CHOSUNG = "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_DIGITS = "〇一二三四五六七八九"
_KOREAN_DIGITS = "영일이삼사오육칠팔구"


def formatted(count: int, style: str) -> str:
    """``count`` in a format.

    >>> formatted(12, "chineseCountingThousand"), formatted(3, "ganada"), formatted(28, "lowerLetter")
    ('十二', '다', 'bb')
    """
    return _STYLES.get(style, str)(count)


def _chinese(count: int) -> str:
    import cn2an

    return (
        str(cn2an.an2cn(count)).replace("一十", "十", 1) if count < 20 else str(cn2an.an2cn(count))
    )


def _financial(count: int) -> str:
    import cn2an

    return str(cn2an.an2cn(count, "up"))


def _digits(digits: str) -> Callable[[int], str]:
    return lambda count: "".join(digits[int(digit)] for digit in str(count))


def _cycled(letters: str) -> Callable[[int], str]:
    return lambda count: letters[(count - 1) % len(letters)] if count > 0 else str(count)


def _letters(first: str) -> Callable[[int], str]:
    """a to z, then aa, bb …, as word processors count."""
    return lambda count: (
        chr(ord(first) + (count - 1) % 26) * ((count - 1) // 26 + 1) if count > 0 else ""
    )


def _from(first: str, last: int) -> Callable[[int], str]:
    """Characters that stand in a row in Unicode, plain digits beyond the last."""
    return lambda count: chr(ord(first) + count - 1) if 0 < count <= last else str(count)


def _roman(count: int) -> str:
    if not 0 < count < 4000:
        return str(count)
    text = ""
    for value, letters in _ROMAN:
        text += letters * (count // value)
        count %= value
    return text


_STYLES: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda count: f"{count:02}",
    "decimalFullWidth": _digits("０１２３４５６７８９"),
    "decimalFullWidth2": _digits("０１２３４５６７８９"),
    "decimalEnclosedCircle": _from("①", 20),
    "decimalEnclosedCircleChinese": _from("①", 20),
    "decimalEnclosedParen": _from("⑴", 20),
    "decimalEnclosedFullstop": _from("⒈", 20),
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "japaneseCounting": _chinese,
    "taiwaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "chineseLegalSimplified": _financial,
    "ideographLegalTraditional": _financial,
    "ideographDigital": _digits(_DIGITS),
    "taiwaneseDigital": _digits(_DIGITS),
    "japaneseDigitalTenThousand": _digits(_DIGITS),
    "ideographTraditional": _cycled(_STEMS),
    "ideographZodiac": _cycled(_BRANCHES),
    "ideographEnclosedCircle": _from("㊀", 10),
    "koreanDigital": _digits(_KOREAN_DIGITS),
    "ganada": _cycled(_GANADA),
    "chosung": _cycled(_CHOSUNG),
    "lowerLetter": _letters("a"),
    "upperLetter": _letters("A"),
    "lowerRoman": _roman,
    "upperRoman": lambda count: _roman(count).upper(),
    "bullet": lambda _count: "•",
    "none": lambda _count: "",
}
