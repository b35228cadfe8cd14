from scheduler.lints.lint import LINTS
from tests.docs.pages import page, rows, words_in_code


def test_the_page_explains_every_lint_with_its_level() -> None:
    described = {words_in_code(row[0])[0]: row[1] for row in rows(page("reference/lints.md"), header="lint")}
    assert described == LINTS
