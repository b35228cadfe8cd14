"""The process tree of `onbeat up`: its children, their restarts, their output, their end.

pauses   when a child is started again, and when to give up
child    one process and its output
tree     all of them: start, relay, restart, drain
"""
