"""What entries have in common that differ in their names and arguments alone: checked once, for thousands of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scheduler.entry import Entry
from scheduler.entry_keys import CHECKS
from scheduler.entry_schedule import schedule_of
from scheduler.entry_values import NAME
from scheduler.job_arguments import argument_problems
from scheduler.job_catalogue import JobCatalogue
from scheduler.schedule import is_of_name

ARGUMENTS: Final = ("args", "kwargs")


@dataclass(frozen=True, slots=True)
class Pattern:
    """The first of its entries, which came without any problem.

    `tables` is the text of the tables that it came from, without their arguments; `scheduled` are the values that each
    name's own schedule is made of, None where one schedule is all names'.
    """

    tables: str
    first: Entry
    scheduled: Mapping[str, Any] | None

    @classmethod
    def of(cls, entry: Entry, tables: str, values: Mapping[str, Any]) -> "Pattern":
        """The pattern of an entry that was made from these values."""
        return cls(tables, entry, values if is_of_name(entry.schedule) else None)

    def entry(
        self,
        name: str,
        tables: Sequence[Mapping[str, Any]],
        defaults: Mapping[str, Any],
        catalogue: JobCatalogue | None,
    ) -> Entry | None:
        """The entry `name` of these tables, the nearest first; None where its name or an argument may be wrong.

        `defaults` are the arguments that `[defaults]` give.
        """
        if not NAME.fullmatch(name):
            return None
        try:
            args, kwargs = _arguments(tables, defaults)
            schedule = self.first.schedule if self.scheduled is None else schedule_of(name, self.scheduled)
        except ValueError:
            return None
        if catalogue is not None:
            function = catalogue.jobs[self.first.job].function
            if argument_problems(function, args, kwargs):
                return None
        return self.first.like(name, schedule, args, kwargs)


def _arguments(
    tables: Sequence[Mapping[str, Any]], defaults: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments that the tables give. Raises ValueError where they can't be arguments."""
    args, kwargs = defaults.get("args", ()), defaults.get("kwargs", {})
    for table in reversed(tables):
        if "args" in table:
            args = CHECKS["args"](table["args"])
        if "kwargs" in table:
            kwargs = {**kwargs, **CHECKS["kwargs"](table["kwargs"])}
    return tuple(args), kwargs
