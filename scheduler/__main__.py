"""`python -m scheduler` is `onbeat`."""

from scheduler.cli import main

if __name__ == "__main__":
    main(prog_name="onbeat")
