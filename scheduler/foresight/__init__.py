"""What a schedule will do, told and counted before it does: words, ticks, load, comparisons. Pure."""
