"""Sends and receives whole frames on two network devices, for a test that talks to it by lines.

    wire.py <left device> <right device>

stdin:  <left|right> <hex of a frame>      send it
        flood <left|right> <hex>[,<hex>...] <count> [<frames a second>]   send so many, one frame after the other in turn
        mutate <hex>[,<hex>...] <count> <seed>   send so many from both sides, each with random damage; what comes in is lost
        latency <hex> <count>              time it from left to right, one at a time
        first <hex>                        send it left until it comes in right, and tell when: seconds, CLOCK_MONOTONIC
stdout: <left|right> <hex of a frame>      one came in
"""

import itertools
import random
import selectors
import socket
import sys
import time

EVERY_TYPE = 3
OUTGOING = 4
# Of an MTU of 1500.
LONGEST = 1514

sockets = {}
for side, device in zip(("left", "right"), sys.argv[1:3]):
    sockets[side] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_TYPE))
    sockets[side].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sockets[side].bind((device, EVERY_TYPE))

selector = selectors.DefaultSelector()
for side, sock in sockets.items():
    selector.register(sock, selectors.EVENT_READ, side)
commands = sys.stdin.buffer
selector.register(commands, selectors.EVENT_READ, None)


def flood(sock, frames, count, rate):
    started = time.perf_counter()
    for number, frame in zip(range(count), itertools.cycle(frames)):
        while number > (time.perf_counter() - started) * rate:
            pass
        sock.send(frame)


def damaged(frame, rng):
    frame = bytearray(frame)
    for _ in range(rng.getrandbits(3)):
        # Most of what a function looks at stands at the front.
        frame[12 + rng.randrange(min(len(frame) - 12, 80 if rng.getrandbits(2) else 1500))] = rng.getrandbits(8)
    if rng.getrandbits(2) == 0:
        return frame[: rng.randrange(14, len(frame) + 1)]
    return frame + rng.randbytes(rng.getrandbits(6)) if rng.getrandbits(3) == 0 else frame


def mutate(frames, count, seed):
    rng = random.Random(seed)
    for number in range(count):
        sock = sockets["left" if rng.getrandbits(1) else "right"]
        sock.send(damaged(rng.choice(frames), rng)[:LONGEST])
        if number % 200 == 0:
            time.sleep(0.001)
    for sock in sockets.values():
        try:
            while sock.recv(65536, socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass


def latency(frame, count):
    took = []
    for _ in range(count):
        started = time.perf_counter()
        sockets["left"].send(frame)
        while sockets["right"].recv(65536) != frame:
            pass
        took.append(time.perf_counter() - started)
        time.sleep(0.001)
    return sorted(took)[count // 2] * 1e6


def first(frame):
    sockets["right"].settimeout(0.0002)
    try:
        while True:
            try:
                sockets["left"].send(frame)
                if sockets["right"].recv(65536) == frame:
                    return time.clock_gettime(time.CLOCK_MONOTONIC)
            except OSError:  # nobody has opened the device yet, or nothing came in
                time.sleep(0.0001)
    finally:
        sockets["right"].settimeout(None)


def command(words):
    if words[0] == "flood":
        flood(sockets[words[1]], [bytes.fromhex(frame) for frame in words[2].split(",")], int(words[3]), float(words[4]) if words[4:] else 1e9)
        print("flooded", flush=True)
    elif words[0] == "mutate":
        mutate([bytes.fromhex(frame) for frame in words[1].split(",")], int(words[2]), int(words[3]))
        print("mutated", flush=True)
    elif words[0] == "latency":
        print("latency", latency(bytes.fromhex(words[1]), int(words[2])), flush=True)
    elif words[0] == "first":
        print("first", first(bytes.fromhex(words[1])), flush=True)
    else:
        sockets[words[0]].send(bytes.fromhex(words[1]))


print("listening", flush=True)
pending = b""
while True:
    for key, _ in selector.select():
        if key.data is None:
            # Not by lines: what a buffered reader has already taken would wake nobody.
            read = commands.raw.read(1 << 16)
            if not read:
                sys.exit(0)
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                command(line.decode().split())
        else:
            try:
                frame, address = key.fileobj.recvfrom(65536, socket.MSG_DONTWAIT)
            except OSError:  # told once when the device goes down, or a command has taken what was there
                continue
            if address[2] != OUTGOING:
                print(key.data, frame.hex(), flush=True)
