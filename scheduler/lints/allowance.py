"""The table `allow` of an entry: lints that find what is meant, each with the reason. Pure."""

from scheduler.lints.lint import ALLOWABLE
from scheduler.lints.misplaced import Misplaced, Several
from scheduler.quoting import quoted
from scheduler.suggestion import did_you_mean


def allowances(value: object) -> dict[str, str]:
    """The reasons by lint. Raises ValueError for what is no table, Several for unknown lints and lacking reasons."""
    if not isinstance(value, dict):
        raise ValueError(f'{quoted(value)} is not a table, such as {{ no-timeout = "the reason" }}')
    wrong = []
    for name, reason in value.items():
        if name not in ALLOWABLE:
            hint = did_you_mean(name, ALLOWABLE) or f"; there are {', '.join(ALLOWABLE)}"
            wrong.append(Misplaced(f"there is no lint {name!r}{hint}", (name,), code="unknown-key"))
        elif not isinstance(reason, str) or not reason.strip():
            wrong.append(
                Misplaced(f"{name} = {quoted(reason)} gives no reason; write one in quotes", (name,))
            )
    if wrong:
        raise Several(wrong)
    return dict(value)
