"""One of Python's OpenFlow libraries (os-ken, python-openflow), driven line by line by bench.ts.

The argument is the library. Each line of input is a JSON object:
  {"load": [hex, ...]}          -> {"read": [index, ...], "written": [index, ...]}
  {"rate": "decode" | "encode", "of": [index, ...], "seconds": s} -> {"perSecond": n}

A message counts as read if it becomes a value without an exception within two seconds, and as written if that
value becomes the same bytes again: a library that only writes a header does not count as one that encodes.
"""
import json
import logging
import signal
import sys
import time

logging.disable(logging.CRITICAL)


class Stuck(Exception):
    pass


def on_alarm(_signal, _frame):
    raise Stuck()


signal.signal(signal.SIGALRM, on_alarm)


def os_ken():
    from os_ken.ofproto import ofproto_parser, ofproto_protocol
    from os_ken.ofproto import ofproto_v1_3_parser  # noqa: F401

    datapath = ofproto_protocol.ProtocolDesc(version=4)

    def decode(message):
        version, kind, length, xid = ofproto_parser.header(message)
        value = ofproto_parser.msg(datapath, version, kind, length, xid, message)
        if value is None:
            raise ValueError("not read")
        return value

    def encode(value):
        value.serialize()
        return value.buf

    return decode, encode


def pyof():
    from pyof.utils import unpack

    return unpack, lambda value: value.pack()


def within_two_seconds(work, item):
    signal.alarm(2)
    try:
        return work(item)
    except Exception:
        return None
    finally:
        signal.alarm(0)


def rate(work, items, seconds):
    done = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for item in items:
            work(item)
        done += len(items)
    return done / (time.perf_counter() - start)


def main():
    decode, encode = {"os-ken": os_ken, "python-openflow": pyof}[sys.argv[1]]()
    print(json.dumps({"ready": sys.version.split()[0]}), flush=True)
    messages = []
    values = []
    for line in sys.stdin:
        asked = json.loads(line)
        if "load" in asked:
            messages = [bytes.fromhex(message) for message in asked["load"]]
            values = [within_two_seconds(decode, message) for message in messages]
            read = [n for n, value in enumerate(values) if value is not None]
            written = [n for n in read if bytes(within_two_seconds(encode, values[n]) or b"") == messages[n]]
            answer = {"read": read, "written": written}
        else:
            work, items = (decode, messages) if asked["rate"] == "decode" else (encode, values)
            answer = {"perSecond": rate(work, [items[n] for n in asked["of"]], asked["seconds"])}
        print(json.dumps(answer), flush=True)


main()
