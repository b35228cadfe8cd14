"""Onbeat's Celery app: `celery -A scheduler.celery_app worker` and `… beat` work as Onbeat's own commands do.

Importing this module reads the settings and connects to nothing.
"""

import ssl
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from celery import Celery

from scheduler.entry import DEFAULT_QUEUE
from scheduler.errors import Unreachable
from scheduler.job import JobDeclaration, declared_jobs
from scheduler.settings import Settings, load_settings, with_server
from scheduler.store.keys import Keys

# kombu waits for ever by default; a half-open connection must be noticed.
BROKER_TIMEOUT_S: Final = 5
LOCAL_REDIS: Final = "redis://127.0.0.1:6379/0"


def create_app(settings: Settings) -> Celery:
    """A Celery app that does what the settings say.

    Where no server is named it points to a Redis on this machine, as Celery users expect, so that signatures can be
    made in tests without one.
    """
    url = store_url(settings)
    broker_url = settings.broker_url.get_secret_value() if settings.broker_url else url
    backend = settings.result_backend.get_secret_value() if settings.result_backend else None
    celery = Celery(
        "onbeat",
        task_cls="scheduler.worker.task:JobTask",
        loader="celery.loaders.app:AppLoader",
        set_as_current=True,
    )
    celery.conf.update(
        broker_url=kombu_url(broker_url),
        result_backend=kombu_url(backend) if backend else None,
        result_backend_transport_options=_backend_options(backend or "", settings.key_prefix),
        redis_socket_timeout=BROKER_TIMEOUT_S,
        redis_socket_connect_timeout=BROKER_TIMEOUT_S,
        include=["scheduler.worker.wiring"],
        timezone="UTC",
        enable_utc=True,
        task_default_queue=DEFAULT_QUEUE,
        task_serializer="json",
        accept_content=["json"],
        # Onbeat's messages are doorbells: what they name is claimed from the store, so a message is let go of early,
        # and a worker takes one only when it has a child free, so that no run waits behind a long one.
        task_acks_late=False,
        worker_consumer="scheduler.worker.strangers:PoliteConsumer",
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=_is_redis(broker_url),
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(broker_url, settings.key_prefix),
        redbeat_redis_url=url,
        redbeat_key_prefix=Keys(settings.key_prefix).redbeat_prefix,
        redbeat_lock_key=None,
        redbeat_redis_options={
            "socket_timeout": BROKER_TIMEOUT_S,
            "socket_connect_timeout": BROKER_TIMEOUT_S,
        },
        beat_scheduler="scheduler.beat.redbeat_scheduler:OnbeatScheduler",
    )
    if broker_url.startswith("rediss"):
        celery.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
        celery.conf.redbeat_redis_use_ssl = celery.conf.broker_use_ssl
    return celery


def store_url(settings: Settings) -> str:
    """The store's URL, or a Redis on this machine where none is named."""
    try:
        url = with_server(settings).redis_url
    except Unreachable:
        url = None
    return url.get_secret_value() if url else LOCAL_REDIS


def kombu_url(url: str) -> str:
    """The URL in the form that kombu reads: it calls a unix socket `redis+socket`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = {name: value for name, value in parse_qsl(parts.query) if name != "db"}
    query["virtual_host"] = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.path}?{urlencode(query)}"


def _is_redis(url: str) -> bool:
    return urlsplit(url).scheme in {"redis", "rediss", "unix"}


def _backend_options(url: str, prefix: str) -> dict[str, Any]:
    return {"global_keyprefix": prefix} if prefix and _is_redis(url) else {}


def _transport_options(broker_url: str, prefix: str) -> dict[str, Any]:
    if not _is_redis(broker_url):
        return {"confirm_publish": True}
    options: dict[str, Any] = {
        "socket_timeout": BROKER_TIMEOUT_S,
        "socket_connect_timeout": BROKER_TIMEOUT_S,
        "health_check_interval": 10,
        "retry_on_timeout": False,
    }
    if not broker_url.startswith("unix"):
        options["socket_keepalive"] = True
    if prefix:
        options["global_keyprefix"] = prefix
    return options


app = create_app(load_settings())


def task_of(declaration: JobDeclaration) -> Any:
    """The Celery task of a job, made at its first use."""
    if (task := app.tasks.get(declaration.name)) is not None:
        return task
    options: dict[str, Any] = {"name": declaration.name, "lazy": False}
    if declaration.queue is not None:
        options["queue"] = declaration.queue
    if declaration.timeout is not None:
        options["time_limit"] = declaration.timeout.total_seconds()
    if declaration.soft_timeout is not None:
        options["soft_time_limit"] = declaration.soft_timeout.total_seconds()
    return app.task(**options)(declaration.function)


def register_jobs() -> None:
    """Make a Celery task of every job that was declared so far."""
    for declaration in declared_jobs().values():
        task_of(declaration)
