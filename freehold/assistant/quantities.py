"""Numbers, lengths of time and times of day by value, however they are written.

`two` is 2, `1,000` is 1000, `a week` is 7 days, `5 pm` is 17:00, and a month is taken for 30 days, as people
do. A number of other things is never converted: 1 km and 1000 m are two numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
)
NUMBERS = {word: float(value) for value, word in enumerate(_SMALL.split())}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS |= {word: float(10 * value) for value, word in enumerate(_TENS.split(), start=2)}
ALSO_NUMBERS = {"twice": 2.0, "double": 2.0, "duplicate": 2.0, "triplicate": 3.0, "thrice": 3.0}
SCALES = {"dozen": 12.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9}

_DAY = 86_400
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": _DAY, "week": 604_800, "fortnight": 1_209_600}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_UNIT = re.compile(
    r"(?P<second>sec(?:ond)?s?)|(?P<minute>min(?:ute)?s?)|(?P<hour>h|hrs?|hours?)|(?P<day>days?)"
    r"|(?P<week>weeks?)|(?P<fortnight>fortnights?)|(?P<month>months?)|(?P<year>yrs?|years?)"
)
_TIME_WORDS = r"(?:hour|day|week|fortnight|month|year)"
_ONE = re.compile(
    rf"\b(within|after|for|than|least|most|up to|takes?|lasts?|another) "
    rf"(?:an?|the full) (?=(?:working |business |calendar |whole |full )?{_TIME_WORDS}\b)",
    re.IGNORECASE,
)
_HALF_HOUR = re.compile(r"\bhalf an hour\b", re.IGNORECASE)
_A_SCALE = re.compile(r"\ban? (?=(?:dozen|hundred|thousand|million|billion)\b)", re.IGNORECASE)
_HOURS = "|".join(_SMALL.split()[1:13])
_CLOCK = re.compile(
    rf"\b(?:(?P<part>half|quarter) (?P<side>past|to) (?P<about>\d{{1,2}}|{_HOURS})"
    rf"|(?P<hour>\d{{1,2}})(?:[:.](?P<minute>[0-5]\d))?(?: ?o'?clock)?(?P<named>)"
    rf"|(?P<word>{_HOURS})(?: o'?clock)?)"
    r"(?: ?(?P<half>[ap])\.?m\b\.?| (?P<day>(?:in the|this) (?:morning|afternoon|evening)"
    r"|at night|tonight))?",
    re.IGNORECASE,
)
_NOON = re.compile(r"\b(?:noon|midday)\b", re.IGNORECASE)
_MIDNIGHT = re.compile(r"\bmidnight\b", re.IGNORECASE)


def told_plainly(text: str) -> str:
    """`text` with times of day as `17:00`, `a week` as `1 week` where it is a length."""
    text = _HALF_HOUR.sub("30 minutes", text)
    text = _A_SCALE.sub("1 ", _ONE.sub(r"\1 1 ", text))
    text = _MIDNIGHT.sub("24:00", _NOON.sub("12:00", text))
    return _CLOCK.sub(_time, text)


def _time(match: re.Match[str]) -> str:
    """The time of day in 24 hours, with `~` where the half of the day is open; what is clearly none stays."""
    said = match.group()
    clear = match["half"] or match["day"] or match["part"] or "clock" in said.lower()
    if not clear and not (match["minute"] and ":" in said):
        return said
    hour = _number(match["about"] or match["hour"] or match["word"])
    minute = int(match["minute"] or 0)
    if match["part"]:
        minute = 30 if match["part"].lower() == "half" else 15
        if match["side"].lower() == "to":
            hour, minute = hour - 1, 60 - minute
    later = (match["half"] or "").lower() == "p" or bool(
        match["day"] and re.search(r"afternoon|evening|night", match["day"], re.IGNORECASE)
    )
    if (match["half"] or match["day"]) and hour == 12:
        hour = 0
    hour += 12 if later and hour < 12 else 0
    open_ = "" if match["half"] or match["day"] or match["minute"] or hour > 12 else "~"
    return f"{open_}{hour:02d}:{minute:02d}" if hour <= 24 else said


def _number(word: str) -> int:
    return int(word) if word.isdecimal() else int(NUMBERS[word.lower()])


def length(value: float, following: Sequence[str]) -> str:
    """The time that a number and the word after it make, as `~` and its seconds; a month is 30 days."""
    for word in following[:2]:  # `5 working days`: one word may stand between
        if match := _UNIT.fullmatch(word):
            unit = str(match.lastgroup)
            if unit in _SECONDS:
                return f"~{value * _SECONDS[unit]:g}s"
            return f"~{value * _MONTHS[unit] * 30 * _DAY:g}s"
    return ""


def value_of(digits: str) -> float:
    """The value of digits with separators; of a version such as 1.2.3, one that no other has by chance."""
    plain = re.sub(r"(?<=\d)[\u00a0\u202f’' ](?=\d{3})", "", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        plain = plain.replace(",", "")
    plain = plain.replace(",", ".")
    return float(plain) if plain.count(".") <= 1 else float(plain.replace(".", "")) + 0.5
