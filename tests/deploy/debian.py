"""What both deployment tests are made from: Debian's programs, a Debian root, and the locked packages.

A root takes half a minute to make. DEBIAN_TAR=FILE keeps it in FILE, for the next test as well.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
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
        unfinished = tar.with_name(f"unfinished-{os.getpid()}.tar")
        run(
            "mmdebstrap", "--variant=minbase", f"--include={_IN_THE_ROOT}", "bookworm", unfinished, within=900
        )
        unfinished.rename(tar)
    return tar


def download_packages(folder: Path) -> None:
    """Every locked package, as it was published, into a folder for `pip install --find-links`."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(
        *pip,
        "download",
        "--dest",
        folder,
        "--require-hashes",
        "-r",
        REPOSITORY / "requirements.lock",
        within=900,
    )
