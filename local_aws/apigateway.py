"""What ministack's REST API front lacks."""


def install() -> None: ...
