"""Ports for tests that run beside others."""

from drills.lab import free_ports


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and that no other process of ours is given for a good while."""
    return free_ports(("it",))["it"]
