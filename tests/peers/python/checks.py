"""What the cases of the Python peers check with."""

import time

PATIENCE = 60.0


class Mismatch(Exception):
    """A failed check: its text is the case's result."""


def check(holds, what):
    if not holds:
        raise Mismatch(what)


def equal(wanted, seen, what):
    check(wanted == seen, f"{what}: {seen!r}, not {wanted!r}")


def until(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        check(time.monotonic() < deadline, f"waited in vain: {what}")
        time.sleep(0.02)
