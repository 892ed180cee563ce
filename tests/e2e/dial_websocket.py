"""One WebSocket request: dial_websocket.py PATH [PROTOCOL], on the cluster of $WEBSOCKET_KUBECONFIG.

Prints the protocol that was agreed on and each message in hexadecimal, or the status code of a refusal.
"""
import base64
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.parse


def setting(path):
    return subprocess.run(
        ["kubectl", "--kubeconfig", os.environ["WEBSOCKET_KUBECONFIG"], "config", "view", "--raw", "-o", f"jsonpath={path}"],
        check=True, capture_output=True, text=True).stdout


def connect(server):
    context = ssl.create_default_context(cadata=base64.b64decode(setting(
        "{.clusters[0].cluster.certificate-authority-data}")).decode())
    with tempfile.NamedTemporaryFile() as file:
        for part in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(setting("{.users[0].user." + part + "}")) + b"\n")
        file.flush()
        context.load_cert_chain(file.name)
    stream = context.wrap_socket(socket.create_connection((server.hostname, server.port), 10), server_hostname=server.hostname)
    stream.settimeout(10)
    return stream


def ask(stream, server, path, protocol):
    lines = [f"GET {server.path}{path} HTTP/1.1", f"Host: {server.netloc}", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Version: 13"]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += stream.recv(1)
    return head.decode().split("\r\n")


def messages(stream):
    """Unfragmented and short, as the server sends them here."""
    file = stream.makefile("rb")
    while True:
        first, length = file.read(2)
        data = file.read(length)
        if first & 15 == 8:
            yield "closed"
            return
        yield data.hex()


def main():
    server = urllib.parse.urlsplit(setting("{.clusters[0].cluster.server}"))
    stream = connect(server)
    head = ask(stream, server, sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    status = head[0].split()[1]
    if status != "101":
        print(status)
        return
    agreed = [line.split(": ")[1] for line in head if line.lower().startswith("sec-websocket-protocol:")]
    print(*(agreed or ["-"]), *messages(stream))


main()
