"""Ports for servers that are told theirs, and may be started again on it."""
import contextlib
import random
import socket

# Below those that the kernel gives to outgoing connections (ip_local_port_range), lest one of these takes it between two starts.
_PORTS = range(12_000, 32_000)
_chance = random.SystemRandom()  # not the seeded one: runs beside each other must differ


def free_ports(count):
    """Ports of 127.0.0.1 that were free a moment ago, all different."""
    with contextlib.ExitStack() as stack:
        ports = []
        while len(ports) < count:
            one = stack.enter_context(socket.socket())
            port = _chance.choice(_PORTS)
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


def free_port():
    return free_ports(1)[0]
