"""A machine with one arm: sends every frame back out of the device that it came in at, with its tag.

    one-armed.py <device>
"""

import ctypes
import socket
import struct
import sys

EVERY_TYPE = 3
OUTGOING = 4
SOL_PACKET = 263
PACKET_AUXDATA = 8
TAG_IS_VALID = 1 << 4

sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_TYPE))
sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
sock.bind((sys.argv[1], EVERY_TYPE))
# It ends with who has started it.
ctypes.CDLL(None).prctl(1, 9)
print("ready", flush=True)
while True:
    try:
        frame, extra, _, address = sock.recvmsg(65536, 256)
    except OSError:
        # Its device has been set down; it hears again what comes after that.
        continue
    if address[2] == OUTGOING:
        continue
    for level, kind, data in extra:
        if level != SOL_PACKET or kind != PACKET_AUXDATA:
            continue
        # The kernel takes the outer tag out of a frame that comes in, and says here what it was.
        status, _, _, _, _, tci, protocol = struct.unpack_from("=IIIHHHH", data)
        if status & TAG_IS_VALID:
            frame = frame[:12] + struct.pack("!HH", protocol or 0x8100, tci) + frame[12:]
    sock.send(frame)
