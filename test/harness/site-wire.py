"""Sends numbered frames and notes at which devices each of them is seen, and in which order.

    site-wire.py <device that frames are sent at> ...

Talks JSON, a line each: a command on stdin, its answer on stdout.

    {"do": "start", "stream": "x", "device": "eth0", "head": "<hex of the first 42 bytes>", "every": 0.01}
    {"do": "stop", "stream": "x"}
    {"do": "look"}     what number each stream comes to next, and the latest seen of each at each place
    {"do": "report"}   the ways of all frames: numbers by the places they were seen at, in order

A place is "in <device>" or "out <device>", as the switch sees it that has the device as a port. The devices
on the command line are not watched: they are the other ends of such ports.
"""

import ctypes
import heapq
import itertools
import json
import select
import socket
import struct
import sys
import time

EVERY_TYPE = 3
OUTGOING = 4
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
MAGIC = b"CsTp"
MARK_AT = 42
# The kernel takes a tag out of a frame that comes in, and a switch may put one in.
MARKS_AT = (MARK_AT, MARK_AT - 4, MARK_AT + 4)


def attach_filter(sock, unwatched):
    """Our mark, and not at these devices; the kernel drops the rest."""
    load, equal, answer = 0x20, 0x15, 0x06
    interface = 0xFFFFF008
    magic = struct.unpack("!I", MAGIC)[0]
    program = [(load, 0, 0, interface)]
    for index in unwatched:
        program += [(equal, 0, 1, index), (answer, 0, 0, 0)]
    for place in MARKS_AT:
        program += [(load, 0, 0, place), (equal, 0, 1, magic), (answer, 0, 0, 0x40000)]
    program.append((answer, 0, 0, 0))
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer))
    )


class Stream:
    def __init__(self, number, sock, head, every):
        self.number, self.sock, self.head, self.every = number, sock, head, every
        self.next = 0
        self.on = True
        self.ways = {}
        self.latest = {}

    def send(self):
        mark = MAGIC + struct.pack("!BI", self.number, self.next)
        self.next += 1
        try:
            self.sock.send((self.head + mark).ljust(60, b"\0"))
        except OSError as error:
            sys.exit("sending: %s" % error)


devices = sys.argv[1:]
senders = {}
for device in devices:
    senders[device] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    senders[device].bind((device, 0))

watch = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_TYPE))
attach_filter(watch, [socket.if_nametoindex(device) for device in devices])
watch.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
watch.setblocking(False)
# It heard everything until the filter stood.
try:
    while True:
        watch.recv(256)
except BlockingIOError:
    pass

streams = []
names = {}
due = []
order = itertools.count()
places = {}
dropped = 0


def see(frame, address):
    at = next(place for place in MARKS_AT if frame[place : place + 4] == MAGIC)
    number, sequence = struct.unpack_from("!BI", frame, at + 4)
    key = (address[0], address[2] == OUTGOING)
    place = places.get(key)
    if place is None:
        place = places[key] = len(places)
    stream = streams[number]
    stream.ways[sequence] = stream.ways.get(sequence, ()) + (place,)
    if sequence > stream.latest.get(place, -1):
        stream.latest[place] = sequence


def place_names():
    return [("out " if out else "in ") + name for name, out in places]


def look():
    named = place_names()
    return {
        name: {"next": s.next, "latest": {named[place]: latest for place, latest in s.latest.items()}}
        for name, s in names.items()
    }


def ranges(numbers):
    runs = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def report():
    global dropped
    named = place_names()
    dropped += struct.unpack("II", watch.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    journeys = []
    for name, stream in names.items():
        by_way = {}
        for sequence, way in stream.ways.items():
            by_way.setdefault(way, []).append(sequence)
        for way, numbers in by_way.items():
            journeys.append({"stream": name, "way": [named[p] for p in way], "numbers": ranges(numbers)})
    return {"dropped": dropped, "sent": {n: s.next for n, s in names.items()}, "journeys": journeys}


def command(words):
    what = words["do"]
    if what == "start":
        known = names.get(words["stream"])
        if known is None:
            head = bytes.fromhex(words["head"])
            known = Stream(len(streams), senders[words["device"]], head, words["every"])
            streams.append(known)
            names[words["stream"]] = known
        known.on = True
        heapq.heappush(due, (time.monotonic(), next(order), known))
        return {}
    if what == "stop":
        names[words["stream"]].on = False
        return {}
    return look() if what == "look" else report()


print("{}", flush=True)
commands = sys.stdin.buffer.raw
pending = b""
while True:
    now = time.monotonic()
    while due and due[0][0] <= now:
        at, _, stream = heapq.heappop(due)
        if stream.on:
            stream.send()
            # Who comes late does not catch up by a burst.
            heapq.heappush(due, (max(at + stream.every, now), next(order), stream))
    pause = max(0, due[0][0] - time.monotonic()) if due else None
    ready, _, _ = select.select([watch, sys.stdin], [], [], pause)
    if watch in ready:
        try:
            for _ in range(64):
                see(*watch.recvfrom(256))
        except BlockingIOError:
            pass
    if sys.stdin in ready:
        read = commands.read(1 << 16)
        if not read:
            sys.exit(0)
        *lines, pending = (pending + read).split(b"\n")
        for line in lines:
            print(json.dumps(command(json.loads(line))), flush=True)
