"""A Debian with a real systemd as its first process, booted by systemd-nspawn in half a second.

It has a network of its own with nothing but a loopback, so that it changes nothing on the machine around it.
Commands are run by its own systemd (systemd-run): a plain nsenter would keep the outer machine's rights, even
those over its clock.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.debian import run
from tests.deploy.enclosure import ENCLOSED, children, end
from tests.support.children import kill_all, launch, new_mark
from tests.support.waiting import eventually

# A cgroup tree and a /run of its own: nspawn would otherwise look for the outer machine's systemd.
_BOOT = """
mount -t tmpfs -o mode=755 onbeat /run && mount -t cgroup2 none /sys/fs/cgroup &&
exec systemd-nspawn --quiet --boot --directory="$1" --register=no --keep-unit --private-network \
    --console=pipe --link-journal=no --system-call-filter=bpf
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A booted root."""

    root: Path
    leader: int

    def run(self, *argv: str, within: float = 120) -> str:
        """What the program wrote; it runs as a unit of the machine's own systemd."""
        return run(*self._inside(argv), within=within)

    def shell(self, line: str, within: float = 120) -> str:
        return self.run("/bin/sh", "-ec", line, within=within)

    def ends_well(self, *argv: str) -> bool:
        done = subprocess.run(self._inside(argv), capture_output=True, timeout=120, check=False)
        return done.returncode == 0

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """What `systemctl show` says of a unit."""
        lines = self.run("systemctl", "show", f"--property={','.join(names)}", unit).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """The journal's entries, the oldest first; read from outside, so that it can be asked often."""
        folder = self.root / "var/log/journal"
        lines = run("journalctl", f"--directory={folder}", "--output=json", "--all", "--quiet", *matches)
        return [json.loads(line) for line in lines.splitlines()]

    def _inside(self, argv: tuple[str, ...]) -> list[str]:
        return ["nsenter", "-t", str(self.leader), "-a", "systemd-run", "--wait", "--pipe", "-q", *argv]


@contextmanager
def booted(root: Path) -> Iterator[Machine]:
    """The machine while the block runs; nothing of it afterwards."""
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
    mark = new_mark()
    argv = [*ENCLOSED, "/bin/sh", "-ec", _BOOT, "boot", str(root)]
    with (root.parent / "console.log").open("wb") as console:
        around = launch(argv, mark=mark, environ=dict(os.environ), stdout=console, stderr=console)
        try:
            machine = Machine(root, eventually(lambda: _init_of(around.pid), within=20))
            eventually(
                lambda: machine.ends_well("true"),
                within=60,
                every=0.2,
                what=f"a booted systemd; see {console.name}",
            )
            yield machine
        finally:
            end(around)
            kill_all(mark)


def _init_of(unshare: int) -> int:
    """The machine's first process, seen from outside: unshare starts nspawn, and that starts it."""
    found = [child for nspawn in children(unshare) for child in children(nspawn)]
    assert found, "nspawn has not started anything yet"
    name = Path(f"/proc/{found[0]}/comm").read_text().strip()
    assert name == "systemd", f"nspawn's child is still {name}"
    return found[0]
