"""Onbeat: scheduled jobs on time, once, and always able to say why."""

from scheduler.job import Abort, Cancelled, Retry, Skip, current_run, job

__all__ = ["Abort", "Cancelled", "Retry", "Skip", "current_run", "job"]
__version__ = "0.1.0"
