"""The beat: decides what is due, commits it once, and in its spare time mends what others left."""
