"""Prints what os-ken makes of messages that Open vSwitch and its tools never send, as lines of JSON.

Usage: /usr/bin/python3 osken.py > osken.jsonl
"""
import json

from os_ken.ofproto import ofproto_protocol, ofproto_v1_3_parser, ofproto_v1_5_parser

HEAD_XID = 0x11


def requests(p, datapath, version):
    """Requests of both versions."""
    match = p.OFPMatch(in_port=1, eth_type=0x800, ip_proto=6, tcp_dst=80, metadata=(5, 255))
    yield p.OFPRoleRequest(datapath, 2, **({} if version == 4 else {"short_id": 3}), generation_id=4)
    yield p.OFPGetAsyncRequest(datapath)
    yield p.OFPDescStatsRequest(datapath, 0)
    yield p.OFPExperimenterStatsRequest(datapath, 0, 0x123456, 7, b"abc")
    yield p.OFPFlowMod(datapath, match=match, instructions=instructions(p, version))
    yield p.OFPGroupMod(datapath, 0, 1, 7, **groups(p, version))
    yield p.OFPMeterMod(datapath, 0, 1, 2, [p.OFPMeterBandDrop(1, 2), p.OFPMeterBandDscpRemark(1, 2, 3)])


def instructions(p, version):
    actions = [
        p.OFPActionOutput(1, 0xFFE5),
        p.OFPActionGroup(7),
        p.OFPActionSetQueue(1),
        p.OFPActionSetMplsTtl(1),
        p.OFPActionDecMplsTtl(),
        p.OFPActionSetNwTtl(1),
        p.OFPActionDecNwTtl(),
        p.OFPActionCopyTtlOut(),
        p.OFPActionCopyTtlIn(),
        p.OFPActionPushVlan(),
        p.OFPActionPopVlan(),
        p.OFPActionPushMpls(),
        p.OFPActionPopMpls(0x800),
        p.OFPActionSetField(eth_src="01:02:03:04:05:06"),
        p.OFPActionPushPbb(0x88E7),
        p.OFPActionPopPbb(),
        p.OFPActionExperimenterUnknown(experimenter=0x998877, data=b"12345678"),
    ]
    own = [p.OFPInstructionMeter(5)] if version == 4 else [
        p.OFPInstructionStatTrigger(1, p.OFPStats(packet_count=5, flow_count=1))
    ]
    if version == 6:
        actions.append(p.OFPActionMeter(5))
        actions.append(p.OFPActionSetField(ipv6_src=("::1", "::ff")))
    return own + [
        p.OFPInstructionGotoTable(3),
        p.OFPInstructionWriteMetadata(1, 2),
        p.OFPInstructionActions(4, actions),
        p.OFPInstructionActions(3, []),
        p.OFPInstructionActions(5, []),
    ]


def groups(p, version):
    action = [p.OFPActionOutput(1)]
    if version == 4:
        return {"buckets": [p.OFPBucket(5, 6, 7, action), p.OFPBucket(0, 0xFFFFFFFF, 0xFFFFFFFF, [])]}
    properties = [p.OFPGroupBucketPropWeight(type_=0, weight=65535), p.OFPGroupBucketPropWatch(type_=1, watch=1)]
    return {
        "command_bucket_id": 0xFFFFFFFF,
        "buckets": [p.OFPBucket(1, action, properties), p.OFPBucket(2, [], [])],
        "properties": [p.OFPGroupPropExperimenter(type_=0xFFFF, experimenter=0x123456, exp_type=7, data=[1, 2])],
    }


def only13(p, datapath):
    yield p.OFPTableMod(datapath, 3, 3)
    yield p.OFPSetAsync(datapath, [1, 2], [3, 4], [5, 6])
    for action in nicira(p):
        apply = [p.OFPInstructionActions(4, [action])]
        yield p.OFPFlowMod(datapath, match=p.OFPMatch(), instructions=apply)
    fields = {
        "in_phy_port": 1, "pbb_isid": (5, 7), "ipv6_exthdr": (5, 7), "arp_sha": ("01:02:03:04:05:06", "ff:ff:00:ff:ff:ff"),
        "ipv4_src": ("1.2.3.4", "255.0.255.0"), "vlan_vid": (4096, 4096), "tunnel_id": 9, "actset_output": 3,
    }
    for name, value in fields.items():
        yield p.OFPFlowMod(datapath, match=p.OFPMatch(**{name: value}), instructions=[])


def nicira(p):
    return [
        p.NXActionPopQueue(),
        p.NXActionRegLoad(4 * 64 + 27, "reg1", 5),
        p.NXActionNote([1, 2, 3, 4, 5, 6, 7]),
        p.NXActionSetTunnel(5),
        p.NXActionSetTunnel64(5),
        p.NXActionRegMove("reg1", "eth_src", 4, 1, 2),
        p.NXActionResubmit(5),
        p.NXActionResubmitTable(5, 3),
        p.NXActionOutputReg(4 * 64 + 11, "reg1", 100),
        p.NXActionOutputReg2(4 * 64 + 11, "reg1", 100),
        p.NXActionLearn(
            table_id=5, idle_timeout=180, priority=1, cookie=2, flags=3,
            specs=[
                p.NXFlowSpecMatch(src=0x800, dst=("eth_type_nxm", 0), n_bits=16),
                p.NXFlowSpecMatch(src=("reg1", 1), dst=("reg2", 3), n_bits=5),
                p.NXFlowSpecLoad(src=0, dst=("reg4", 3), n_bits=5),
                p.NXFlowSpecLoad(src=("reg5", 1), dst=("reg6", 3), n_bits=5),
                p.NXFlowSpecOutput(src=("reg7", 1), dst="", n_bits=5),
            ],
        ),
        p.NXActionExit(),
        p.NXActionController(1024, 1, 2),
        p.NXActionController2(max_len=1024, controller_id=1, reason=2, userdata=b"1234567", pause=True),
        p.NXActionDecTtlCntIds([1, 2, 3, 4]),
        p.NXActionStackPush("reg2", 0, 5),
        p.NXActionSample(3, 1, 2, 3),
        p.NXActionSample2(3, 1, 2, 3, 4),
        p.NXActionFinTimeout(1, 2),
        p.NXActionConjunction(0, 1, 2),
        p.NXActionMultipath(1, 1, 0, 5, 1, 4 * 64 + 27, "reg2"),
        p.NXActionBundle(algorithm=0, fields=0, basis=0, slave_type=2, n_slaves=2, ofs_nbits=0, dst=0, slaves=[2, 3]),
        p.NXActionBundleLoad(
            algorithm=1, fields=0, basis=0, slave_type=2, n_slaves=2, ofs_nbits=4 * 64 + 27, dst="reg0", slaves=[2, 3]
        ),
        p.NXActionCT(1, "", 5, 255, 21, [p.NXActionNAT(1, "1.2.3.4", "1.2.3.5", "", "", 1, 2)]),
        p.NXActionCTClear(),
        p.NXActionDecNshTtl(),
    ]


def only15(p, datapath):
    time = p.OFPTime(1, 2)
    yield p.OFPSetAsync(datapath, [p.OFPAsyncConfigPropReasons(type_=kind, mask=kind) for kind in range(16)])
    yield p.OFPFlowStatsRequest(datapath, match=p.OFPMatch(in_port=1))
    yield p.OFPControllerStatusStatsRequest(datapath)
    scheduled = p.OFPBundleFeaturesPropTime(
        type_=1, sched_accuracy=time, sched_max_future=time, sched_max_past=time, timestamp=time
    )
    yield p.OFPBundleFeaturesStatsRequest(datapath, 0, 3, [scheduled])
    yield p.OFPTableMod(datapath, 3, 4, [p.OFPTableModPropEviction(type_=2, flags=1)])
    yield p.OFPPortMod(
        datapath, 1, "01:02:03:04:05:06", 1, 2,
        [
            p.OFPPortModPropEthernet(type_=0, advertise=1),
            p.OFPPortModPropOptical(type_=1, configure=1, freq_lmda=2, fl_offset=3, grid_span=4, tx_pwr=5),
        ],
    )


def main():
    for version, parser, own in ((4, ofproto_v1_3_parser, only13), (6, ofproto_v1_5_parser, only15)):
        datapath = ofproto_protocol.ProtocolDesc(version=version)
        for message in [*requests(parser, datapath, version), *own(parser, datapath)]:
            message.set_xid(HEAD_XID)
            message.serialize()
            command = f"OpenFlow1{version - 1} {type(message).__name__}"
            print(json.dumps({"from": "os-ken", "command": command, "hex": bytes(message.buf).hex()}))


main()
