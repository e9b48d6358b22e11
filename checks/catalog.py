"""The only list of the checks and probes that come with the product. A new one is written here and nowhere else.

Checks that every drill has (`steady`, `fault_in_effect`, `clean`) are not among them: nobody writes those in `checks:`.
"""

from checks.check import Check
from checks.data_loss import DataLoss
from checks.failover import Failover
from checks.media import Media
from checks.probe import Probe
from checks.probes.command import CommandProbe
from checks.probes.http import HttpProbe
from checks.probes.sql import SqlProbe
from checks.probes.tcp import TcpProbe
from checks.probes.udp_stream import UdpStreamProbe
from checks.probes.valkey import ValkeyProbe
from checks.recovered import Recovered
from checks.unaffected import Unaffected

CHECKS: tuple[type[Check], ...] = (Failover, DataLoss, Unaffected, Media, Recovered)
PROBES: tuple[type[Probe], ...] = (HttpProbe, TcpProbe, UdpStreamProbe, ValkeyProbe, SqlProbe, CommandProbe)
