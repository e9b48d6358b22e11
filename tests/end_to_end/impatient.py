"""`python -m tests.end_to_end.impatient PATIENCE_S LEASE_S WORD ...`: the command line, whose patience and leases are short.

Only this process is: the reaper has its own. What takes a minute or five otherwise is seen within seconds.
"""

import sys

from drills import conductor, leases
from drills.cli import main
from injectors import kubernetes_marks, kubernetes_memory


def be(patience_s: float, lease_s: float) -> None:
    """From now on healing is given up after so long, and a mark nobody renews is past its time after so long."""
    conductor.HEAL_PATIENCE_S = patience_s
    kubernetes_marks.LEASE_S = kubernetes_memory.LEASE_S = lease_s
    leases.RENEW_S = min(leases.RENEW_S, lease_s)


if __name__ == "__main__":
    be(float(sys.argv[1]), float(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
