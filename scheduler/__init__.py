"""Onbeat: scheduled jobs on time, once, and always able to say why."""

from scheduler.job import Abort, Retry, Skip, current_run, job

__all__ = ["Abort", "Retry", "Skip", "current_run", "job"]
__version__ = "0.1.0"
