import re
import tomllib

from tests.docs.pages import ROOT, page, rows, words_in_code


def test_the_page_lists_every_module_in_the_order_of_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [set(re.findall(r"\((\w+)\)", layer)) - {"__main__"} for layer in contracts[0]["layers"]]
    shown = [set(words_in_code(modules)) for _, modules in rows(page("architecture.md"), header="layer")]
    outside, pure = ({name for part in parts for name in part} for parts in (shown[6:9], shown[9:]))
    assert [*shown[:6], outside, pure] == [layer for layer in layers if layer]
