"""What runs on a bed: cluster DNS, a web service that says which node answered, and a pod from which to look around."""

from tests.kubernetes_bed.images import BUSYBOX, COREDNS
from tests.kubernetes_bed.node_files import DNS

WEB_PORT = 30080
"""Where the web service answers on every node."""


def web(replicas: int = 3) -> str:
    """A deployment `web`, spread over the zones that live, and a service of that name; it answers `<pod> <node>`."""
    # httpd as the first process of a container does not hear SIGTERM, so nobody waits long for it. A zone whose nodes are
    # lost must not hold back the others: its taints are honoured.
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: DoNotSchedule
        nodeTaintsPolicy: Honor
        labelSelector: {{matchLabels: {{app: web}}}}
      containers:
      - name: web
        image: {BUSYBOX}
        imagePullPolicy: Never
        command: [sh, -c, "echo $POD $NODE > /www/index.html; exec httpd -f -p 80 -h /www"]
        env:
        - {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
        - {{name: NODE, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}}
        ports: [{{containerPort: 80}}]
        readinessProbe: {{httpGet: {{path: /, port: 80}}, periodSeconds: 1}}
        resources: {{requests: {{cpu: 10m, memory: 16Mi}}, limits: {{memory: 32Mi}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  type: NodePort
  selector: {{app: web}}
  ports: [{{port: 80, nodePort: {WEB_PORT}}}]
"""


def shell(name: str = "shell", node: str = "") -> str:
    """A pod that waits to be told what to do by `kubectl exec`; on this node, when one is named. It never flees."""
    where = f"nodeName: {node}" if node else "nodeName:"
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  {where}
  tolerations: [{{operator: Exists, effect: NoExecute}}]
  terminationGracePeriodSeconds: 1
  containers:
  - {{name: shell, image: {BUSYBOX}, imagePullPolicy: Never, command: [sleep, "100000"]}}
"""


def dns(replicas: int = 2) -> str:
    """Cluster DNS: coredns on as many nodes, so that names are found when one of them is lost."""
    return f"""
apiVersion: v1
kind: ServiceAccount
metadata: {{name: coredns, namespace: kube-system}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: coredns}}
rules:
- {{apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}}
- {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: coredns}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: coredns}}
subjects: [{{kind: ServiceAccount, name: coredns, namespace: kube-system}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: coredns, namespace: kube-system}}
data:
  Corefile: |
    .:53 {{
      errors
      ready
      kubernetes cluster.local in-addr.arpa
      cache 5
    }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: coredns, namespace: kube-system}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{k8s-app: kube-dns}}}}
  template:
    metadata: {{labels: {{k8s-app: kube-dns}}}}
    spec:
      serviceAccountName: coredns
      dnsPolicy: Default
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {{matchLabels: {{k8s-app: kube-dns}}}}
      containers:
      - name: coredns
        image: {COREDNS}
        imagePullPolicy: Never
        command: [/coredns, -conf, /settings/Corefile]
        volumeMounts: [{{name: settings, mountPath: /settings}}]
        readinessProbe: {{httpGet: {{path: /ready, port: 8181}}, periodSeconds: 1}}
      volumes: [{{name: settings, configMap: {{name: coredns}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: kube-dns, namespace: kube-system}}
spec:
  clusterIP: {DNS}
  selector: {{k8s-app: kube-dns}}
  ports: [{{name: dns, port: 53, protocol: UDP}}, {{name: dns-tcp, port: 53, protocol: TCP}}]
"""
