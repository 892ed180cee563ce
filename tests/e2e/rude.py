#!/usr/bin/env python3
"""rude.py KUBECONFIG COUNT PID MOST_KIB: COUNT TLS connections that were answered once and stay, and 3,000 that never say a
word, all open at once. New clients must be answered meanwhile, and each of the TLS ones again at the end; prints how long
new clients took and how much memory a connection costs the server PID. Fails above MOST_KIB for a TLS one."""
import base64
import re
import resource
import select
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

SILENT = 3000
SILENT_PATIENCE_S = 32  # then the server cuts those that say nothing
ASK_COUNT, ASK_S = 50, 20
LIMIT_S = 30  # for one answer, on however busy a machine

path, count, pid, most_kib = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
descriptors = SILENT + count + 256
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, descriptors),) * 2)
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


def reach(_=None):
    return socket.create_connection((url.hostname, url.port), LIMIT_S)


def livez(connection):
    """One GET on a connection that stays, its answer read to the end."""
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        more = connection.recv(4096)
        assert more, f"cut after {answer}"
        answer += more
    assert answer.startswith(b"HTTP/1.1 200"), answer


def open_idle(_):
    connection = quick.wrap_socket(reach())
    livez(connection)
    return connection


def ask():
    start = time.monotonic()
    with checking.wrap_socket(reach()) as one:
        livez(one)
    return (time.monotonic() - start) * 1000


def open_count(connections):
    poll = select.poll()
    for one in connections:
        poll.register(one, select.POLLIN | select.POLLRDHUP)
    return len(connections) - len(poll.poll(0))


for _ in range(20):
    ask()
with ThreadPoolExecutor(8) as pool:
    base, start = resident_kib(), time.monotonic()
    idle = list(pool.map(open_idle, range(count)))
    took, with_idle = time.monotonic() - start, resident_kib()
    start = time.monotonic()
    silent = list(pool.map(reach, range(SILENT)))
    times = []
    while len(times) < ASK_COUNT and (not times or time.monotonic() - start < ASK_S):
        times.append(ask())
    with_silent, silent_open = resident_kib(), open_count(silent)
    cut_early = silent_open < SILENT and time.monotonic() - start < SILENT_PATIENCE_S
    list(pool.map(livez, idle))
for one in idle + silent:
    one.close()
ask()
times.sort()
each_kib = (with_idle - base) / count
print(f"{count} idle TLS connections (opened in {took:.0f} s) and {silent_open} silent ones at once: {each_kib:.1f} and "
      f"{(with_silent - with_idle) / SILENT:.1f} KiB each, new clients answered in {times[len(times) // 2]:.0f} ms, at most "
      f"{times[-1]:.0f} ms; each of the idle ones answered again")
sys.exit(0 if not cut_early and each_kib < most_kib else 1)
