"""What every test gets: a clean environment, real servers on request, repeatable properties."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.support.valkey",
    "tests.support.project",
    "tests.support.commands",
    "tests.support.wheel",
    "tests.support.long_tests",
    "tests.support.rabbitmq",
    "tests.support.left_out",
]

# A shared machine is slow at times: how long an example takes says nothing here.
settings.register_profile("onbeat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For `make check`, many times a day; `make test` and CI take all their examples.
settings.register_profile("quick", parent=settings.get_profile("onbeat"), max_examples=10)
settings.load_profile("onbeat")

# A shell has what it starts with `&` ignore Ctrl-C, and so would the programs that are tested there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell reaches a test."""
    for name in list(os.environ):
        if name.startswith(("ONBEAT_", "OTEL_")):
            monkeypatch.delenv(name)
