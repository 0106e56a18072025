"""The language to answer in (RFC 9110, 12.5.4)."""

from __future__ import annotations

from qa.types import LANGUAGES, Language


def language_of(accepted: str) -> Language | None:
    """The one of our languages that an ``Accept-Language`` header prefers; None where it names
    none of them."""
    weighed: list[tuple[float, int, Language]] = []
    for position, part in enumerate(accepted[:500].split(",")):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        language = next((each for each in LANGUAGES if primary == each), None)
        weight = _weight(parameters)
        if language and weight > 0:
            weighed.append((-weight, position, language))
    return min(weighed)[2] if weighed else None


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
