"""Every task of Onbeat's app: called directly it is its function; executed by a worker it is an attempt of a run."""

from typing import Any

from celery import Task

from scheduler.job import active_run


class JobTask(Task):  # type: ignore[misc]  # Celery has no types
    """The base of all tasks, so that functions made with `@shared_task` are tracked as well."""

    Request = "scheduler.worker.request:JobRequest"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function; within a worker, claim its run first and record its outcome.

        `apply()` and `task_always_eager` are for tests: they run it here, and need no store.
        """
        request = self.request
        if request.called_directly or request.is_eager or _celerys_own(self.name) or _nested(request.id):
            return super().__call__(*args, **kwargs)
        from scheduler.worker.execution import execute

        return execute(self, args, kwargs)

    def replace(self, sig: Any) -> Any:
        """Refused within a run: the task that takes the place has its id, and a run is executed once.

        Raises NotImplementedError, so that the run fails and says so, instead of a chain that ends without a word.
        """
        if self.request.called_directly or self.request.is_eager:
            return super().replace(sig)
        message = "self.replace() is not supported: send the other task with delay(), or build a chain"
        raise NotImplementedError(message)


def _celerys_own(name: str) -> bool:
    return name.startswith("celery.")


def _nested(run_id: str | None) -> bool:
    """A job that calls itself as a function is still in the run that it was called for."""
    run = active_run()
    return run is not None and run.run_id == run_id
