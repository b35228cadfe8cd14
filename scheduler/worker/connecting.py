"""A worker's connection to the broker: not there yet, lost or refused, it says so once and tries on."""

import re
import time
import warnings
from logging import LogRecord
from typing import Any, Final

from celery.concurrency.solo import TaskPool as SoloPool
from celery.exceptions import CPendingDeprecationWarning
from celery.worker.consumer import Consumer, consumer
from celery.worker.state import maybe_shutdown
from kombu.exceptions import OperationalError

from scheduler.broker_trouble import broker_trouble, trouble_of
from scheduler.celery_queues import QUEUE_TYPE, found_to_be_quorum
from scheduler.errors import Unreachable
from scheduler.outage import FIRST_PAUSE_S, LONGEST_PAUSE_S
from scheduler.publisher import same_server
from scheduler.server_url import server_name
from scheduler.worker import job_clock
from scheduler.worker.context import context
from scheduler.worker.outages import outage_of

PART: Final = "messages"
# A server that refuses to work takes a connection and ends it at once.
SURE_AFTER_S: Final = 0.5
_PAUSES_GROW_BY_S: Final = 0.3


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery's consumer. Celery's own would wait up to 30 s between two tries, and end at a broker that refuses it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.pool, SoloPool):
            self.amqheartbeat = 0  # its loop executes the jobs, and can't say meanwhile that it is alive
        self._is_the_store = same_server(context().settings)
        self._outage = outage_of("store" if self._is_the_store else "broker")
        self._ready_at: float | None = None
        # Celery's advice on a setting, of which it thinks whenever a connection is lost.
        advice = re.escape(consumer.CANCEL_TASKS_BY_DEFAULT[:40])
        warnings.filterwarnings("ignore", message=advice, category=CPendingDeprecationWarning)

    def connect(self) -> Any:
        """Connect to the broker. Celery asks a quorum queue for messages in another way, so it must know of it."""
        connection = super().connect()
        if connection.transport.driver_type == "amqp":
            for queue in self.app.amqp.queues.consume_from.values():
                queue(connection.default_channel).declare()
                if queue.is_quorum:
                    queue.queue_arguments = {QUEUE_TYPE: "quorum"}
        return connection

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, however long it takes; no job takes too long meanwhile."""
        while True:
            try:
                conn.ensure_connection(
                    lambda error, _interval: self._began(error),
                    interval_start=FIRST_PAUSE_S,
                    interval_step=_PAUSES_GROW_BY_S,
                    interval_max=LONGEST_PAUSE_S,
                    callback=self._meanwhile,
                )
            except OperationalError as error:
                self.on_connection_error_before_connected(error)  # it answers, and wants none of us
            else:
                self.first_connection_attempt = False
                return conn

    def connection_for_write(self, url: str | None = None, heartbeat: float | None = None) -> Any:
        """For Celery's events, for Flower: to wait for a confirm of each would hold up the loop when a wire dies."""
        options = {"confirm_publish": False}
        return self.ensure_connected(
            self.app.connection_for_write(url, heartbeat=heartbeat, transport_options=options)
        )

    def on_connection_error_before_connected(self, exc: BaseException) -> None:
        """Say so, and wait."""
        time.sleep(self._began(exc))
        self._meanwhile()

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        """Say so, let the connection go, and wait; a quorum queue that nobody knew for one is asked anew at once."""
        pause_s = 0.0 if found_to_be_quorum(self.app.amqp.queues, exc) else self._began(exc)
        super().on_connection_error_after_connected(exc)
        time.sleep(pause_s)

    def on_ready(self) -> None:
        """Messages come from now on."""
        self._ready_at = time.monotonic()
        super().on_ready()

    def turned(self) -> None:
        """The loop turns; called every second. If it does so for a while the trouble is over."""
        if self._ready_at is not None and time.monotonic() - self._ready_at >= SURE_AFTER_S:
            self._outage.ended(PART, at=self._ready_at)
            self._ready_at = None

    def _meanwhile(self) -> None:
        """What the loop would do, which waits for the connection."""
        maybe_shutdown()
        job_clock.end_overdue(self.pool)

    def _began(self, exc: BaseException) -> float:
        self._ready_at = None
        address = server_name(self.app.conf.broker_url)
        if self._is_the_store:
            text, hint = trouble_of(exc, address, "ONBEAT_REDIS_URL")
            return self._outage.began(Unreachable(text, hint=hint), PART)
        return self._outage.began(broker_trouble(exc, address), PART)


def say_it_ourselves() -> None:
    """Leave out of the log what our events say."""
    consumer.logger.addFilter(lambda record: not _said_by_us(record))


def _said_by_us(record: LogRecord) -> bool:
    """Whether Celery's log says what an event of ours says."""
    words = (record.msg, *(record.args if isinstance(record.args, tuple) else ()))
    return consumer.CONNECTION_RETRY in words or consumer.CONNECTION_ERROR in words
