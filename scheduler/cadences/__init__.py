"""The kinds of schedules, one file each, and the clock on the wall that they are read by. Pure."""
