"""The only list of the checks, probes and observers that come with the product. Each is loaded when it is used.

Checks that every drill has (`steady`, `fault_in_effect`, `clean`) are not among them: nobody writes those in `checks:`.
"""

from collections.abc import Mapping

CHECKS: Mapping[str, str] = {
    "failover": "checks.failover:Failover",
    "data_loss": "checks.data_loss:DataLoss",
    "unaffected": "checks.unaffected:Unaffected",
    "media": "checks.media:Media",
    "appears": "checks.appears:Appears",
    "recovered": "checks.recovered:Recovered",
    "alert": "checks.alert:Alert",
    "alerts": "checks.alerts:Alerts",
    "sop": "checks.sop.check:Sop",
    "rescheduled": "checks.rescheduled:Rescheduled",
}

PROBES: Mapping[str, str] = {
    "http": "checks.probes.http:HttpProbe",
    "tcp": "checks.probes.tcp:TcpProbe",
    "udp_stream": "checks.probes.udp_stream:UdpStreamProbe",
    "valkey": "checks.probes.valkey:ValkeyProbe",
    "sql": "checks.probes.sql:SqlProbe",
    "command": "checks.probes.command:CommandProbe",
    "prometheus": "checks.probes.prometheus:PrometheusProbe",
    "kubernetes": "checks.probes.kubernetes:KubernetesProbe",
}

ADDRESSES: Mapping[str, str] = {
    "http": "checks.probes.http:HttpService",
    "tcp": "checks.probes.tcp:TcpService",
    "udp_stream": "checks.probes.udp_stream:UdpReflector",
    "valkey": "checks.valkey_service:ValkeyService",
    "sql": "checks.probes.sql:SqlDatabase",
    "command": "checks.probes.command:CommandPlace",
    "prometheus": "checks.probes.prometheus:PrometheusServer",
}
"""As an inventory says how probes reach a target. The probe `kubernetes` reads the address that injectors have."""

OBSERVERS: Mapping[str, str] = {
    "prometheus": "checks.observers.prometheus:PrometheusObserver",
    "alertmanager": "checks.observers.alertmanager:AlertmanagerObserver",
    "sink": "checks.observers.sink:Sink",
    "chat": "checks.observers.chat:Chat",
    "status_page": "checks.observers.status_page:StatusPage",
    "replication": "checks.observers.replication:Replication",
    "members": "checks.observers.members:Members",
    "query": "checks.observers.query:Query",
    "kubernetes": "checks.observers.kubernetes:KubernetesObserver",
}
"""As an inventory says who is listened to."""
