"""Waiting for a condition with a deadline."""
import time


def until(condition, what, seconds=15.0, interval=0.02):
    """Calls `condition` until it returns something true, and returns that. Fails the test when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}; last seen: {value!r}")
        time.sleep(interval)
