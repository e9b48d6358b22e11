"""NetworkPolicies: the rules that follow from them, and that they bite on a real node."""

from collections.abc import Mapping
from typing import Any

from tests.kubernetes_bed.bed import Plan, bed
from tests.kubernetes_bed.policies import read, ruleset
from tests.kubernetes_bed.workloads import shell, web

CLOSED = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
"""
OPEN_TO_FRIENDS = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}], ports: [{port: 80}]}]
"""


def pod(address: str, labels: Mapping[str, str], namespace: str = "shop", **port: Any) -> Mapping[str, Any]:
    spec = {"containers": [{"ports": [port]}] if port else [{}]}
    status = {"phase": "Running", "podIP": address}
    return {"metadata": {"namespace": namespace, "labels": labels}, "spec": spec, "status": status}


def rules(**spec: Any) -> list[str]:
    """The rules of a policy for `db` in a shop with two namespaces, without what every table has."""
    pods = [
        pod("10.0.0.1", {"app": "db"}, name="sql", containerPort=5432),
        pod("10.0.0.2", {"app": "web", "tier": "front"}),
        pod("10.0.0.3", {"app": "batch"}, "night"),
    ]
    namespaces = [{"metadata": {"name": "shop"}}, {"metadata": {"name": "night", "labels": {"when": "dark"}}}]
    policy = {"metadata": {"namespace": "shop"}, "spec": {"podSelector": {"matchLabels": {"app": "db"}}, **spec}}
    lines = [line.strip() for line in ruleset(read(pods, namespaces, [policy])).splitlines()]
    return [line for line in lines if line.endswith(("return", "drop")) or "jump" in line]


def test_a_policy_without_rules_closes_its_direction_and_no_other() -> None:
    assert rules(policyTypes=["Ingress"]) == ["counter drop", "ip daddr 10.0.0.1 jump in_10_0_0_1"]
    assert rules(policyTypes=["Egress"]) == ["counter drop", "ip saddr 10.0.0.1 jump out_10_0_0_1"]


def test_peers_are_of_the_own_namespace_unless_another_is_named() -> None:
    everybody, dark = {"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"when": "dark"}}}

    assert rules(ingress=[{"from": [everybody]}])[0] == "ip saddr { 10.0.0.1, 10.0.0.2 } return"
    assert rules(ingress=[{"from": [dark]}])[0] == "ip saddr { 10.0.0.3 } return"
    assert rules(ingress=[{"from": [{**dark, "podSelector": {"matchLabels": {"app": "web"}}}]}])[0] == "counter drop"


def test_ports_are_found_by_number_range_and_name_and_blocks_have_holes() -> None:
    block = {"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.9.0/24"]}}
    ports = [{"port": "sql"}, {"protocol": "UDP", "port": 90, "endPort": 99}]

    assert rules(ingress=[{"from": [block], "ports": ports}])[:2] == [
        "ip saddr 10.1.0.0/16 ip saddr != { 10.1.9.0/24 } tcp dport 5432 return",
        "ip saddr 10.1.0.0/16 ip saddr != { 10.1.9.0/24 } udp dport 90-99 return",
    ]


def test_a_closed_service_answers_its_friends_alone_also_after_its_node_was_without_power() -> None:
    with bed(Plan("a", "zone-a", "north")) as one:
        one.enforce_policies()
        for manifest in (web(replicas=1), shell("friend"), shell("stranger"), CLOSED, OPEN_TO_FRIENDS):
            one.apply(manifest)

        service = one.plane.get("/api/v1/namespaces/default/services/web")["spec"]["clusterIP"]
        script = f"timeout 1 wget -qO- http://{service}/ >/dev/null && echo yes || echo no"

        def served(who: str) -> str:
            try:
                return one.kubectl("exec", who, "--", "sh", "-c", script).strip()
            except AssertionError:  # its container is still to be started
                return "unknown"

        one.wait("a friend is served, a stranger not", lambda: (served("friend"), served("stranger")) == ("yes", "no"))

        one.node("a").power_off()
        one.node("a").power_on()
        one.wait("it is so again", lambda: (served("friend"), served("stranger")) == ("yes", "no"))

        one.kubectl("delete", "networkpolicy", "--all")
        one.wait("both are served", lambda: (served("friend"), served("stranger")) == ("yes", "yes"))
