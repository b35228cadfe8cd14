"""Python's garbage collector, out of the way where tens of thousands of objects are made that all stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest(*, set_aside: bool = False) -> Iterator[None]:
    """Nothing is collected meanwhile. `set_aside`: nor later, of all that there is at the end.

    The collector would walk again and again through all that was made so far, and find nothing: a fifth of the time
    to read 10,000 entries. What nobody refers to any more is freed as ever; only rings of it are not.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if set_aside:
            gc.freeze()
        gc.enable()
