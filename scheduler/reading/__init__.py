"""From the text of schedules.toml, and of what it includes, to entries; every problem where it stands."""
