from datetime import timedelta
from typing import Any

from scheduler.durations import format_duration
from scheduler.settings import Settings, variable_name
from tests.docs.pages import page, rows


def shown(default: Any) -> str:
    match default:
        case None | "" | ():
            return "none"
        case tuple():
            return f"`{','.join(default)}`"
        case timedelta():
            return f"`{format_duration(default)}`"
        case _:
            return f"`{default}`"


def test_the_page_lists_every_setting_with_its_default_and_no_other() -> None:
    wanted = [
        [f"`{variable_name(name)}`", shown(field.default)] for name, field in Settings.model_fields.items()
    ]
    assert [row[:2] for row in rows(page("reference/settings.md"), header="setting")] == wanted
