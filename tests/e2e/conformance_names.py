#!/usr/bin/env python3
"""conformance_names.py KUBECONFIG [WORD]: each format of names and values at a field that has it: what is fine, what is too long, and what is wrong."""
from conformance_kinds import *

REGEX = "regex used for validation is '%s')"
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = LABEL + r"(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
NO_LABEL = ("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character "
            "(e.g. 'my-name',  or '123-abc', " + REGEX % LABEL)
NO_SUBDOMAIN = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
                "character (e.g. 'example.com', " + REGEX % SUBDOMAIN)
NO_1035 = ("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric "
           "character (e.g. 'my-name',  or 'abc-123', " + REGEX % "[a-z]([-a-z0-9]*[a-z0-9])?")
NO_WILDCARD = ("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric "
               "characters, '-' or '.' and end with an alphanumeric character")
NO_QUALIFIED = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
                "(e.g. 'MyName',  or 'my.name',  or '123-abc', " + REGEX % QUALIFIED)
NO_VALUE = ("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyValue',  or 'my_value',  or '12345', " + REGEX % f"({QUALIFIED})?")
NO_KEY = ("a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
          + REGEX % "[-._a-zA-Z0-9]+")
NO_ENV = "a valid environment variable name must consist only of printable ASCII characters other than '='"
LONG = "must be no more than %d characters"
RANGE = "must be between %d and %d, inclusive"


def N(name):
    return {"metadata": {"name": name}}


def META(**metadata):
    return {"metadata": metadata}


def HOST(host):
    return S(rules=[{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}])


def HEADER(name):
    return K(livenessProbe={"httpGet": {"port": 80, "httpHeaders": [{"name": name, "value": "v"}]}})


def MODE(mode):
    return S(volumes=[{"name": "v", "configMap": {"name": "c", "defaultMode": mode}}])


def PORT(name):
    return K(ports=[{"name": name, "containerPort": 80}])


C0 = "spec.containers[0]."

# format, kind, what changes, the field that is refused, and why ("" "": it is taken)
FORMATS = [
    ("dns1123label", "Pod", K(name="a-1"), "", ""),
    ("dns1123label", "Pod", K(name="a" * 63), "", ""),
    ("dns1123label", "Pod", K(name="a" * 64), C0 + "name", LONG % 63),
    ("dns1123label", "Pod", K(name="A"), C0 + "name", NO_LABEL),
    ("dns1123label", "Pod", K(name="-a"), C0 + "name", NO_LABEL),
    ("dns1123label: dots", "Pod", K(name="a.b"), C0 + "name", "must not contain dots"),
    ("dns1123subdomain", "ConfigMap", N("a.b-1"), "", ""),
    ("dns1123subdomain", "ConfigMap", N("a" * 253), "", ""),
    ("dns1123subdomain", "ConfigMap", N("a" * 254), "metadata.name", LONG % 253),
    ("dns1123subdomain", "ConfigMap", N("a..b"), "metadata.name", NO_SUBDOMAIN),
    ("dns1035label", "Service", N("a-1"), "", ""),
    ("dns1035label", "Service", N("a" * 64), "metadata.name", LONG % 63),
    ("dns1035label", "Service", N("1a"), "metadata.name", NO_1035),
    ("wildcard", "Ingress", HOST("*.example.com"), "", ""),
    ("wildcard", "Ingress", HOST("*." + "a" * 253), "spec.rules[0].host", LONG % 253),
    ("wildcard", "Ingress", HOST("*.A"), "spec.rules[0].host", NO_WILDCARD),
    ("qualifiedName", "ConfigMap", META(labels={"a.b/C_d.e-1": ""}), "", ""),
    ("qualifiedName", "ConfigMap", META(labels={"a" * 64: ""}), "metadata.labels", "name part " + LONG % 63),
    ("qualifiedName", "ConfigMap", META(labels={"a" * 254 + "/b": ""}), "metadata.labels", "prefix part " + LONG % 253),
    ("qualifiedName", "ConfigMap", META(labels={"-a": ""}), "metadata.labels", NO_QUALIFIED),
    ("qualifiedName", "ConfigMap", META(labels={"": ""}), "metadata.labels", "name part must be non-empty"),
    ("qualifiedName", "ConfigMap", META(labels={"/a": ""}), "metadata.labels", "prefix part must be non-empty"),
    ("qualifiedName", "ConfigMap", META(labels={"A/a": ""}), "metadata.labels", "prefix part " + NO_SUBDOMAIN),
    ("qualifiedName", "ConfigMap", META(labels={"a/b/c": ""}), "metadata.labels", "a qualified name " + NO_QUALIFIED[len("name part "):]
     + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"),
    ("labelValue", "ConfigMap", META(labels={"a": "A_b.c-1"}), "", ""),
    ("labelValue", "ConfigMap", META(labels={"a": "a" * 64}), "metadata.labels", LONG % 63),
    ("labelValue", "ConfigMap", META(labels={"a": "a b"}), "metadata.labels", NO_VALUE),
    ("configMapKey", "ConfigMap", {"data": {"A_b.c-1": ""}}, "", ""),
    ("configMapKey", "ConfigMap", {"data": {"a" * 254: ""}}, f"data[{'a' * 254}]", LONG % 253),
    ("configMapKey", "ConfigMap", {"data": {"a b": ""}}, "data[a b]", NO_KEY),
    ("configMapKey", "ConfigMap", {"data": {".": ""}}, "data[.]", "must not be '.'"),
    ("configMapKey", "ConfigMap", {"data": {"..": ""}}, "data[..]", "must not be '..'"),
    ("configMapKey", "ConfigMap", {"data": {"..a": ""}}, "data[..a]", "must not start with '..'"),
    ("envVarName", "Pod", K(env=[{"name": "1 a/!", "value": ""}]), "", ""),
    ("envVarName", "Pod", K(env=[{"name": "a=b", "value": ""}]), C0 + "env[0].name", NO_ENV),
    ("portName", "Pod", PORT("a-1"), "", ""),
    ("portName", "Pod", PORT("a" * 16), C0 + "ports[0].name", LONG % 15),
    ("portName", "Pod", PORT("A"), C0 + "ports[0].name", "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
    ("portName", "Pod", PORT("1"), C0 + "ports[0].name", "must contain at least one letter (a-z)"),
    ("portName", "Pod", PORT("a--b"), C0 + "ports[0].name", "must not contain consecutive hyphens"),
    ("portName", "Pod", PORT("-a"), C0 + "ports[0].name", "must not begin or end with a hyphen"),
    ("portNum", "Pod", K(ports=[{"containerPort": 65535}]), "", ""),
    ("portNum", "Pod", K(ports=[{"containerPort": 65536}]), C0 + "ports[0].containerPort", RANGE % (1, 65535)),
    ("uid", "Pod", S(securityContext={"runAsUser": 2147483647}), "", ""),
    ("uid", "Pod", S(securityContext={"runAsUser": 2147483648}), "spec.securityContext.runAsUser", RANGE % (0, 2147483647)),
    ("gid", "Pod", S(securityContext={"fsGroup": -1}), "spec.securityContext.fsGroup", RANGE % (0, 2147483647)),
    ("percent", "Deployment", S(strategy={"rollingUpdate": {"maxSurge": "20%"}}), "", ""),
    ("percent", "Deployment", S(strategy={"rollingUpdate": {"maxSurge": "20"}}), "spec.strategy.rollingUpdate.maxSurge",
     "a valid percent string must be a numeric string followed by an ending '%'"),
    ("httpHeaderName", "Pod", HEADER("X-A1"), "", ""),
    ("httpHeaderName", "Pod", HEADER("a b"), C0 + "livenessProbe.httpGet.httpHeaders", "a valid HTTP header must consist of alphanumeric characters or '-'"),
    ("pathSegmentName", "Role", N("a:b C"), "", ""),
    ("pathSegmentName", "Role", N("."), "metadata.name", "may not be '.'"),
    ("pathSegmentName", "Role", N(".."), "metadata.name", "may not be '..'"),
    ("pathSegmentName", "Role", N("a/b"), "metadata.name", "may not contain '/'"),
    ("pathSegmentName", "Role", N("a%b"), "metadata.name", "may not contain '%'"),
    ("range", "Service", S(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 86401}}),
     "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "must be greater than 0 and less than 86400"),
    ("nonNegative", "Deployment", S(replicas=-1), "spec.replicas", "must be greater than or equal to 0"),
    ("ip", "Pod", S(hostAliases=[{"ip": "::1"}]), "", ""),
    ("ip", "Pod", S(hostAliases=[{"ip": "1.2.3"}]), "spec.hostAliases[0].ip", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
    ("cidr", "NetworkPolicy", S(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]), "", ""),
    ("cidr", "NetworkPolicy", S(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]), "spec.ingress[0].from[0].ipBlock.cidr",
     "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
    ("fileMode", "Pod", MODE(0o777), "", ""),
    ("fileMode", "Pod", MODE(0o1000), "spec.volumes[0].configMap.defaultMode", "must be a number between 0 and 0777 (octal), both inclusive"),
    ("finalizerName", "ConfigMap", META(finalizers=["orphan", "a.b/c"]), "", ""),
    ("finalizerName", "ConfigMap", META(finalizers=["a"]), "metadata.finalizers[0]", "name is neither a standard finalizer name nor is it fully qualified"),
    ("generateName", "ConfigMap", META(name=None, generateName="a-"), "", ""),
    ("generateName", "ConfigMap", META(name=None, generateName="A"), "metadata.generateName", NO_SUBDOMAIN),
    ("generateName", "ConfigMap", META(name=None, generateName="a" * 254), "metadata.generateName", LONG % 253),
]


@check("each format of names and values")
def formats(api, ns):
    wrong = []
    for format, kind, change, field, words in FORMATS:
        path, body = made(kind, ns, "n")
        merged(body.get("data", {}), {"k": None} if "data" in change else {})
        why = judge(send(api, "POST", path, merged(body, change), dryRun="All"), field, words)
        if why:
            wrong.append(f"{format}: {row_name(kind, change)}: {why}, wanted {field!r} {words!r}")
    assert not wrong, f"{len(wrong)} of {len(FORMATS)}:\n" + "\n".join(wrong)


@check("a field that is immutable")
def immutable(api, ns):
    path, body = made("Fixed", ns, "n")
    assert send(api, "POST", path, body).status_code == 201
    why = judge(send(api, "PUT", path + "/n", dict(body, data={"k": "w"})), "data", "Forbidden: field is immutable when `immutable` is set")
    assert not why, why


main()
