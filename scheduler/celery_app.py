"""Onbeat's Celery app: `celery -A scheduler.celery_app worker` and `… beat` work as Onbeat's own commands do.

Importing this module reads the settings and connects to nothing.
"""

from typing import Any

from celery import Celery

from scheduler import celery_addresses, redis_transport
from scheduler.entry import DEFAULT_QUEUE
from scheduler.job import JobDeclaration, declared_jobs
from scheduler.message import HIGHEST_PRIORITY
from scheduler.settings import Settings, load_settings
from scheduler.store.keys import Keys


def create_app(settings: Settings) -> Celery:
    """A Celery app that does what the settings say.

    Where no server is named it points to a Redis on this machine, as Celery users expect, so that signatures can be
    made in tests without one.
    """
    redis_transport.install()
    url = celery_addresses.store(settings)
    broker_url = settings.broker_url.get_secret_value() if settings.broker_url else url
    backend = settings.result_backend.get_secret_value() if settings.result_backend else None
    celery = Celery(
        "onbeat",
        task_cls="scheduler.worker.task:JobTask",
        amqp="scheduler.celery_queues:AMQP",
        loader="celery.loaders.app:AppLoader",
        set_as_current=True,
    )
    celery.conf.update(
        broker_url=celery_addresses.broker(broker_url),
        result_backend=celery_addresses.result_backend(backend) if backend else None,
        result_backend_transport_options=celery_addresses.backend_options(backend or "", settings.key_prefix),
        redis_socket_timeout=celery_addresses.TIMEOUT_S,
        redis_socket_connect_timeout=celery_addresses.TIMEOUT_S,
        include=["scheduler.worker.wiring"],
        timezone="UTC",
        enable_utc=True,
        task_default_queue=DEFAULT_QUEUE,
        task_queue_max_priority=None if celery_addresses.is_redis(broker_url) else HIGHEST_PRIORITY,
        task_serializer="json",
        accept_content=["json"],
        # Onbeat's messages are doorbells: what they name is claimed from the store, so a message is let go of early,
        # and a worker takes one only when it has a child free, so that no run waits behind a long one.
        task_acks_late=False,
        worker_consumer="scheduler.worker.strangers:PoliteConsumer",
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=celery_addresses.is_redis(broker_url),
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_heartbeat=celery_addresses.HEARTBEAT_S,
        broker_transport_options=celery_addresses.transport_options(broker_url, settings.key_prefix),
        redbeat_redis_url=celery_addresses.redbeat(url),
        broker_use_ssl=celery_addresses.broker_tls(broker_url),
        redis_backend_use_ssl=celery_addresses.backend_tls(backend or ""),
        redbeat_redis_use_ssl=celery_addresses.backend_tls(url),
        redbeat_key_prefix=Keys(settings.key_prefix).redbeat_prefix,
        redbeat_lock_key=None,
        redbeat_redis_options=celery_addresses.redbeat_options(url),
        beat_scheduler="scheduler.beat.redbeat_scheduler:OnbeatScheduler",
    )
    return celery


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
