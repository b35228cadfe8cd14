"""The worker: takes a message, claims the run that it names, executes the job and records what came of it."""
