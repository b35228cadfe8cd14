from datetime import timedelta

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.timezone = "Europe/Berlin"
app.conf.beat_schedule = {
    "nightly-report": {
        "task": "shop.tasks.report",
        "schedule": crontab(minute=30, hour="2"),
        "args": ("eu",),
        "kwargs": {"limit": 100, "since": None},
        "options": {"queue": "reports", "expires": 3600, "time_limit": 600, "priority": 5},
    },
    "every 30 seconds": {"task": "shop.tasks.poll", "schedule": 30.0},
    "hourly": {"task": "shop.tasks.sync", "schedule": timedelta(hours=1), "relative": True},
    "workdays": {"task": "shop.tasks.open", "schedule": crontab(0, "8-18/2", day_of_week="monday-friday")},
    "weekend": {"task": "shop.tasks.close", "schedule": crontab(0, 0, day_of_week="sat-mon")},
    "friday-13th": {
        "task": "shop.tasks.luck",
        "schedule": crontab(0, 9, day_of_month="13", day_of_week="fri"),
    },
    "object": {"task": "shop.tasks.open", "schedule": 60, "args": [object()]},
    "cleanup": {"task": "celery.backend_cleanup", "schedule": crontab(0, 4)},
}
