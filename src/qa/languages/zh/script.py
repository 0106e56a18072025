"""Patterns for simplified characters that hold for the traditional ones of the same words too."""

from __future__ import annotations

_SIMPLIFIED = "责单导门机关构间处务厅会汇协办联络执业请总实级县区乡镇条节编项规则办银财经济发国东处馆团网队积极贯彻权职时说达体农电务学动历领参与标备负该应须将两号张华协项类种产届层线档实据违适"
_TRADITIONAL = "責單導門機關構間處務廳會匯協辦聯絡執業請總實級縣區鄉鎮條節編項規則辦銀財經濟發國東處館團網隊積極貫徹權職時說達體農電務學動歷領參與標備負該應須將兩號張華協項類種產屆層線檔實據違適"
_OTHER = {s: t for s, t in zip(_SIMPLIFIED, _TRADITIONAL, strict=True) if s != t}


def both(pattern: str) -> str:
    """The regular expression ``pattern`` with each character in either script.

    >>> both("责任[局处]")
    '[责責]任[局处處]'
    """
    written = []
    inside = escaped = False
    for char in pattern:
        if not escaped:
            inside = char == "[" or (inside and char != "]")
        escaped = char == "\\" and not escaped
        other = _OTHER.get(char, "")
        written.append(f"[{char}{other}]" if other and not inside else char + other)
    return "".join(written)
