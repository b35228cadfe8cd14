"""The jobs that this repository schedules in its own schedules.toml. Each one is also a plain function.

They are meant to be used: copy them into a project, or name them from its schedules.toml.
"""
