"""How a rule says no. The edge that asked turns the code into its own words."""


class Refused(Exception):
    """A rule forbids what was asked. `code` is stable; `details` help to explain it."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details
