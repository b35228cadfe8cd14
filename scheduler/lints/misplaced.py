"""What is wrong with parts of a value, each where it stands. Pure."""


class Misplaced(ValueError):
    """A problem with a part of a value: `path` leads from the value to it, `within` to characters of that text."""

    def __init__(
        self,
        message: str,
        path: tuple[str | int, ...],
        *,
        code: str = "value",
        within: tuple[str, int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.code = code
        self.within = within


class Several(ValueError):
    """More than one part of a value is wrong."""

    def __init__(self, problems: list[Misplaced]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
