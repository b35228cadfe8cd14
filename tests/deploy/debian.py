"""What both deployment tests are made from: Debian's programs, a Debian root, the locked packages, a checkout.

A root takes half a minute to make. DEBIAN_TAR=FILE keeps it in FILE, for the next test as well.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.deploy.enclosure import ENCLOSED

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).resolve().parent / "project"
_IN_THE_ROOT = "systemd,systemd-sysv,dbus,python3,python3-venv,redis-server,procps,iproute2,ca-certificates"


def run(*argv: str | Path, within: float = 300, **options: object) -> str:
    """What the program wrote. A failing one is an AssertionError with the last of that."""
    done = subprocess.run(  # type: ignore[call-overload]
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=within,
        check=False,
        text=True,
        **options,
    )
    last = "\n".join(done.stdout.splitlines()[-30:])
    assert done.returncode == 0, f"{' '.join(map(str, argv))} ended with {done.returncode}\n{last}"
    return str(done.stdout)


def install_missing(packages: Mapping[str, str]) -> None:
    """Install Debian packages, named by a command that each brings, where that command is missing."""
    missing = [package for command, package in packages.items() if shutil.which(command) is None]
    if not missing:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet)
    run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing, env=quiet, within=900)


def debian_tar(folder: Path) -> Path:
    """A tar of Debian 12 with systemd, Python and Redis."""
    kept = os.environ.get("DEBIAN_TAR")
    tar = Path(kept) if kept else folder / "debian.tar"
    if not tar.exists():
        folder.chmod(0o755)  # apt downloads as a user of its own
        made = folder / "made.tar"
        make = ("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_IN_THE_ROOT}", "bookworm", made)
        run(*ENCLOSED, *make, within=900, env={**os.environ, "TMPDIR": str(folder)})
        shutil.move(made, tar)
    return tar


def copy_checkout(folder: Path) -> None:
    """This checkout, with the tests' jobs beside its own jobs and their entries after its own entries."""
    for name in ("scheduler", "jobs", "deploy"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "requirements.lock",
        "schedules.toml",
        ".dockerignore",
    ):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copy(PROJECT / "probe.py", folder / "jobs")
    with (folder / "schedules.toml").open("a") as schedules:
        schedules.write((PROJECT / "probe.toml").read_text())


def download_packages(folder: Path) -> None:
    """Every locked package, as it was published, into a folder for `pip install --find-links`."""
    download = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
    run(*download, "--dest", folder, "--require-hashes", "-r", REPOSITORY / "requirements.lock", within=900)
