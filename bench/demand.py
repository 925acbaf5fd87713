"""First round trips of subscribers, one after the other or all at once.

    demand.py <device of the server> <device of a subscriber>...

Each line on stdin, `one` or `all`, lets every subscriber send one frame to the server, which answers it; on stdout
comes a JSON list of the milliseconds that each has waited for its answer, null where none came.
"""

import json
import select
import socket
import sys
import time

OUTGOING = 4
ECHO = b"\x88\xb5"
SERVER = bytes.fromhex("020000000064")
PATIENCE = 15


def opened(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
    sock.bind((device, 0x88B5))
    sock.setblocking(False)
    return sock


def mac_of(number):
    return b"\x02\x00\x01\x00" + number.to_bytes(2, "big")


server = opened(sys.argv[1])
subscribers = [opened(device) for device in sys.argv[2:]]
number_of = {sock.fileno(): i for i, sock in enumerate(subscribers)}
poll = select.epoll()
for sock in (server, *subscribers):
    poll.register(sock.fileno(), select.EPOLLIN)


def serve(deadline, begun, waited, enough):
    """Answers for the server and notes answers, until there are enough."""
    while enough() is False and time.monotonic() < deadline:
        for descriptor, _ in poll.poll(max(0, deadline - time.monotonic())):
            if descriptor == server.fileno():
                frame, address = server.recvfrom(2048)
                if address[2] != OUTGOING:
                    server.send(frame[6:12] + SERVER + frame[12:])
                continue
            i = number_of[descriptor]
            frame, address = subscribers[i].recvfrom(2048)
            if address[2] != OUTGOING and waited[i] is None:
                waited[i] = (time.monotonic() - begun[i]) * 1000


def send(i, begun):
    begun[i] = time.monotonic()
    subscribers[i].send(SERVER + mac_of(i) + ECHO + b"\0" * 46)


for line in sys.stdin:
    begun = [0.0] * len(subscribers)
    waited = [None] * len(subscribers)
    if line.strip() == "all":
        for i in range(len(subscribers)):
            send(i, begun)
        serve(time.monotonic() + PATIENCE, begun, waited, lambda: None not in waited)
    else:
        for i in range(len(subscribers)):
            send(i, begun)
            serve(time.monotonic() + PATIENCE, begun, waited, lambda: waited[i] is not None)
    print(json.dumps(waited), flush=True)
