"""What those on call do to the cache by hand: `operate.py compare|detach|failover|promote PORT…`."""

import sys
import time

import valkey

NOWHERE = 9
"""A port at which nobody answers."""


def server(port: str) -> valkey.Valkey:
    """A server or sentinel of this host."""
    return valkey.Valkey(port=int(port), decode_responses=True, socket_timeout=2)


def compare(*replicas: str) -> str:
    """Changes nothing. Says how much of the primary's data each replica has."""
    had = {port: server(port).info("replication").get("slave_repl_offset", 0) for port in replicas}
    best = max(had.values())
    return ", ".join(f"{port} has {'all that there is' if best == has else f'{best - has} bytes less'}"
                     for port, has in had.items())  # fmt: skip


def detach(replica: str) -> str:
    """Takes a replica away from its primary, so that it stands still, as for a backup."""
    server(replica).replicaof("127.0.0.1", NOWHERE)
    return f"{replica} stands still"


def failover(sentinel: str) -> str:
    """Lets one sentinel fail over without asking the others; it takes the replica that has most."""
    server(sentinel).execute_command("SENTINEL", "FAILOVER", "shop")
    return "the failover has begun"


def promote(sentinel: str, *others: str) -> str:
    """Lets a sentinel fail over to the one replica that is not among these others, whatever it has."""
    for port in others:
        server(port).config_set("replica-priority", 0)
    for _ in range(100):  # the sentinel asks each replica once a second
        known = {str(one["port"]): one["slave-priority"] for one in server(sentinel).sentinel_slaves("shop")}
        if not any(known[port] for port in others):
            return failover(sentinel)
        time.sleep(0.1)
    sys.exit("the sentinel does not see that the others are not to be taken")


if __name__ == "__main__":
    does = {one.__name__: one for one in (compare, detach, failover, promote)}[sys.argv[1]]
    try:
        print(does(*sys.argv[2:]))
    except valkey.ValkeyError as error:
        sys.exit(f"{sys.argv[1]} failed: {error}")
