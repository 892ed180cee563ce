#!/usr/bin/env python3
"""rude.py KUBECONFIG COUNT PID MOST_KIB: opens 3,000 connections that never say a word and COUNT idle TLS ones; prints how
long new requests take meanwhile and how much memory each of the TLS ones costs the server PID. Fails above MOST_KIB."""
import base64
import re
import resource
import socket
import ssl
import sys
import time
from urllib.parse import urlparse

SILENT = 3000
PATIENCE_S = 28  # those that say nothing are cut after 32 s

path, count, pid, most_kib = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
text = open(path).read()


def field(name):
    return re.search(name + r'"?: *"?([^"\s,}]+)', text).group(1)


def resident_kib():
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


url = urlparse(field("server"))
checking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
checking.load_verify_locations(cadata=base64.b64decode(field("certificate-authority-data")).decode())
checking.check_hostname = False
quick = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the time is for the server, not for this client
quick.check_hostname, quick.verify_mode = False, ssl.CERT_NONE


def reach():
    return socket.create_connection((url.hostname, url.port), 10)


def ask():
    start = time.monotonic()
    with checking.wrap_socket(reach()) as one:
        one.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert one.recv(100).startswith(b"HTTP/1.1 "), "no answer"
    return (time.monotonic() - start) * 1000


for _ in range(20):
    ask()
silent = [reach() for _ in range(SILENT)]
before, start, idle = resident_kib(), time.monotonic(), []
while len(idle) < count and time.monotonic() - start < PATIENCE_S:
    idle.append(quick.wrap_socket(reach()))
took = time.monotonic() - start
times = sorted(ask() for _ in range(50))
each_kib = (resident_kib() - before) / len(idle)
print(f"{len(idle)} idle connections in {took:.0f} s beside {SILENT} silent ones: {each_kib:.0f} KiB each, requests of "
      f"{times[25]:.0f} ms, at most {times[-1]:.0f} ms")
sys.exit(0 if len(idle) == count and times[25] < 500 and each_kib < most_kib else 1)
