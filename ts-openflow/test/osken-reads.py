"""Prints what os-ken reads of OpenFlow 1.5 messages: a line of hexadecimal each in, one of JSON out."""
import json
import sys

from os_ken.ofproto import ofproto_parser, ofproto_protocol

datapath = ofproto_protocol.ProtocolDesc(version=6)
for line in sys.stdin:
    data = bytes.fromhex(line)
    message = ofproto_parser.msg(datapath, *ofproto_parser.header(data), data)
    print(json.dumps(message.to_jsondict()))
