"""Ends with 0 when every sentinel knows two replicas in step with their primary, and the other two sentinels."""

import sys

import valkey


def is_formed(port: int) -> bool:
    """What one sentinel knows."""
    sentinel = valkey.Valkey(port=port, decode_responses=True, socket_timeout=1)
    primary = sentinel.sentinel_master("shop")
    replicas = sentinel.sentinel_slaves("shop")
    in_step = [one for one in replicas if "disconnected" not in one["flags"] and one["master-link-status"] == "ok"]
    return len(in_step) == 2 and primary["num-other-sentinels"] == 2


if __name__ == "__main__":
    sys.exit(0 if all(is_formed(int(port)) for port in sys.argv[1:]) else 1)
