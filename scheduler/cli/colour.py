"""Whether to use colours: as the terminal, unless NO_COLOR (https://no-color.org) or FORCE_COLOR say otherwise."""

import os


def colour_choice() -> bool | None:
    """False for never, True for always, None for on terminals only; for click's `color`."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None
