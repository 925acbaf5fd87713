"""The same work with Python's OpenFlow libraries, as far as they are installed (os-ken, python-openflow).

Reads lines of hexadecimal messages; prints one line of JSON for each library: messages decoded a second, encoded
a second, and how many of the messages it could not read. A message over which a library does not come back
within two seconds counts as not read.
"""
import json
import signal
import sys
import time

messages = [bytes.fromhex(line) for line in sys.stdin.read().split()]
seconds = 2.0


class Stuck(Exception):
    pass


def on_alarm(_signal, _frame):
    raise Stuck()


signal.signal(signal.SIGALRM, on_alarm)


def rate(work, items):
    done = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for item in items:
            work(item)
        done += len(items)
    return round(done / (time.perf_counter() - start))


def measure(name, decode, encode):
    read = []
    failed = 0
    for message in messages:
        signal.alarm(2)
        try:
            read.append((message, decode(message)))
        except Exception:
            failed += 1
        finally:
            signal.alarm(0)
    result = {"library": name, "messages": len(messages), "notRead": failed}
    result["decodedPerSecond"] = rate(decode, [message for message, _ in read])
    writable = []
    for _, value in read:
        try:
            encode(value)
            writable.append(value)
        except Exception:
            pass
    result["notWritten"] = len(read) - len(writable)
    result["encodedPerSecond"] = rate(encode, writable)
    print(json.dumps(result), flush=True)


def os_ken():
    from os_ken.ofproto import ofproto_parser, ofproto_protocol
    from os_ken.ofproto import ofproto_v1_3_parser, ofproto_v1_5_parser  # noqa: F401

    def decode(message):
        version, kind, length, xid = ofproto_parser.header(message)
        datapath = ofproto_protocol.ProtocolDesc(version=version)
        value = ofproto_parser.msg(datapath, version, kind, length, xid, message)
        if value is None:
            raise ValueError("not read")
        return value

    def encode(value):
        value.buf = None
        value.serialize()
        return value.buf

    measure("os-ken", decode, encode)


def pyof():
    from pyof.utils import unpack

    measure("python-openflow", unpack, lambda value: value.pack())


for library in (os_ken, pyof):
    try:
        library()
    except ImportError as error:
        print(json.dumps({"library": library.__name__, "missing": str(error)}), flush=True)
