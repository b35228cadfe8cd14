"""The jobs that come with Onbeat for every project: `onbeat.command` and `onbeat.http`."""
