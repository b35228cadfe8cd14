"""What `pip install .` brings: all of the package, and nothing of this repository's own jobs and tests."""

import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "scheduler").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert wanted <= set(archive.namelist())


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"scheduler"}


def test_the_wheel_brings_the_command_the_pytest_plugin_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition(".dist-info/")[2]: name for name in archive.namelist()}
        entry_points = archive.read(names["entry_points.txt"]).decode()
        assert "onbeat = scheduler.cli:main" in entry_points
        assert "[pytest11]\nonbeat = scheduler.pytest_plugin\n" in entry_points
        assert "licenses/LICENSE" in names
