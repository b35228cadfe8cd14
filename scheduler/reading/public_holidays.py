"""The public holidays of countries and their parts, by the holidays library."""

import functools
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from scheduler.cadences.day_calendar import joined_label
from scheduler.suggestion import did_you_mean

if TYPE_CHECKING:
    from holidays import HolidayBase


class UnknownHolidays(ValueError):
    """There are no such holidays; `key` is the word that is wrong: country, subdivision, language or categories."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key


@functools.lru_cache(maxsize=256)
def public_holidays(
    country: str,
    subdivision: str | None,
    language: str | None,
    categories: tuple[str, ...],
    years: tuple[int, int],
) -> Mapping[date, str]:
    """The holidays of a country, or of a part of it, in the `years` from the first to the last.

    Names are in the country's own language, whatever this process's is. Raises UnknownHolidays.
    """
    import holidays

    known = _known(country)
    aliases = getattr(known, "subdivisions_aliases", {})
    if subdivision is not None and subdivision not in (*known.subdivisions, *aliases):
        names = {code: name for name, code in reversed(aliases.items())}
        there = ", ".join(f"{code} ({names[code]})" if code in names else code for code in known.subdivisions)
        hint = did_you_mean(subdivision, (*known.subdivisions, *aliases)) or f"; there are: {there or 'none'}"
        raise UnknownHolidays(f"{country} has no subdivision {subdivision!r}{hint}", "subdivision")
    _check("language", language, known.supported_languages, f"{country} has no holidays' names in")
    for category in categories:
        _check("categories", category, known.supported_categories, f"{country} has no category")
    found = holidays.country_holidays(
        country,
        subdiv=subdivision,
        years=range(years[0], years[1] + 1),
        language=language or known.default_language,
        categories=categories or None,
    )
    return {
        day: joined_label(name.split("; ")) for day, name in found.items() if years[0] <= day.year <= years[1]
    }


def _known(country: str) -> "HolidayBase":
    import holidays

    countries = holidays.list_supported_countries()
    if country in countries:
        return holidays.country_holidays(country)
    hint = f"; did you mean {country.upper()!r}?" if country.upper() in countries else ""
    hint = hint or did_you_mean(country, countries) or "; countries are codes such as DE"
    raise UnknownHolidays(f"unknown country {country!r}{hint}", "country")


def _check(key: str, word: str | None, words: Iterable[str], lacking: str) -> None:
    if word is not None and word not in words:
        hint = did_you_mean(word, words) or f"; there are: {', '.join(words) or 'none'}"
        raise UnknownHolidays(f"{lacking} {word!r}{hint}", key)
