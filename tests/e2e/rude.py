#!/usr/bin/env python3
"""rude.py KUBECONFIG COUNT PID: opens COUNT idle TLS connections to the server; prints what the fastest and the slowest
new request take meanwhile and how much memory the server PID grew, in milliseconds and KiB a connection."""
import base64
import re
import resource
import socket
import ssl
import sys
import tempfile
import time
from urllib.parse import urlparse

path, count, pid = sys.argv[1], int(sys.argv[2]), sys.argv[3]
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
text = open(path).read()


def field(name):
    return re.search(name + r'"?: *"?([^"\s,}]+)', text).group(1)


def resident():
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


url = urlparse(field("server"))
plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
plain.load_verify_locations(cadata=base64.b64decode(field("certificate-authority-data")).decode())
plain.check_hostname = False


def connect():
    return plain.wrap_socket(socket.create_connection((url.hostname, url.port), 10))


def ask():
    start = time.monotonic()
    with connect() as one:
        one.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert one.recv(100).startswith(b"HTTP/1.1 "), "no answer"
    return (time.monotonic() - start) * 1000


ask()
before, start, idle = resident(), time.monotonic(), []
while len(idle) < count and time.monotonic() - start < 28:  # those that say nothing are cut after 32 s
    idle.append(connect())
times = sorted(ask() for _ in range(50))
per = (resident() - before) / len(idle)
print(f"{len(idle)} idle connections in {time.monotonic() - start:.0f} s: {per:.0f} KiB each, requests of "
      f"{times[25]:.0f} ms, at most {times[-1]:.0f} ms")
sys.exit(0 if len(idle) == count and times[25] < 500 and per < 400 else 1)
