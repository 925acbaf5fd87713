#!/usr/bin/python3
"""The lab's network: one switch, two subscribers, one server behind the uplink.

    alice 10.0.0.1 -- s1-eth1 [ s1 ] s1-eth3 -- server 10.0.0.100 (uplink)
    bob   10.0.0.2 -- s1-eth2 [    ]

By hand, as root:       lab/topology.py            gives Mininet's command line
From another program:   lab/topology.py --run      prints one line of JSON when the net is up, and takes
                                                   everything down when its standard input ends
"""
import argparse
import json
import os
import signal
import subprocess
import sys

from mininet.cli import CLI
from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.node import OVSSwitch, RemoteController

import openvswitch
from servers import SERVERS

HOSTS = (
    # name, address, MAC, number of its port on s1
    ('alice', '10.0.0.1', '00:00:00:00:00:01', 1),
    ('bob', '10.0.0.2', '00:00:00:00:00:02', 2),
    ('server', '10.0.0.100', '00:00:00:00:00:64', 3),
)


class LabSwitch(OVSSwitch):
    """Open vSwitch with its userspace datapath, which needs no kernel module."""

    def __init__(self, name, **params):
        super().__init__(name, dpid='%016x' % 1, datapath='user', failMode='secure', **params)


def quieten(host):
    """Only frames that somebody asked for, and checksums that are right on the wire."""
    device = host.defaultIntf().name
    # Without a kernel datapath nobody completes the checksums that these offloads leave open: ping
    # would work and TCP would never connect.
    host.cmd('ethtool -K %s tx off tso off gso off gro off' % device)
    host.cmd('sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1')


def refuse_to_disturb():
    """Mininet would take away an existing bridge of that name, and with it somebody's running lab."""
    existing = subprocess.run(['ovs-vsctl', '--timeout=5', 'br-exists', 's1'], check=False)
    if existing.returncode == 0:
        sys.exit('there is a bridge s1 already: stop the lab it belongs to, or remove it with `ovs-vsctl del-br s1`')


def build(controller_port, protocols):
    # Mininet would raise limits in /proc/sys for nets of hundreds of hosts and leave them so.
    Mininet.inited = True
    OVSSwitch.setup()
    net = Mininet(controller=None, switch=LabSwitch, build=False)
    net.addController('c0', controller=UncheckedController, ip='127.0.0.1', port=controller_port)
    switch = net.addSwitch('s1', protocols=protocols)
    for name, address, mac, port in HOSTS:
        host = net.addHost(name, ip=address + '/24', mac=mac)
        net.addLink(host, switch, port2=port)
    net.build()
    for name, *_ in HOSTS:
        quieten(net[name])
    for device in switch.intfNames():
        # The switch's own ends of the links must not speak IPv6 either; `lo` is in the list too.
        if device != 'lo':
            with open('/proc/sys/net/ipv6/conf/%s/disable_ipv6' % device, 'w') as setting:
                setting.write('1')
    net.start()
    return net


class UncheckedController(RemoteController):
    """The controller may come later and may go meanwhile: that is what the lab is for."""

    def checkListening(self):
        pass


def start_servers(net):
    server = net['server'].popen([sys.executable, SERVERS], stdin=-1, stdout=-1, stderr=sys.stderr)
    if server.stdout.readline().strip() != b'listening':
        raise RuntimeError("the server's services did not start")
    return server


def describe(net):
    return {
        'ready': True,
        'ovsdb': 'unix:' + openvswitch.socket(),
        'log': openvswitch.log(),
        # Processes whose namespaces are the hosts': `mnexec -a PID command` runs a command there.
        'hosts': {name: net[name].pid for name, *_ in HOSTS},
    }


def stop_on_signal(_number, _frame):
    raise KeyboardInterrupt


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--controller-port', type=int, default=6653, metavar='PORT',
                         help='where the controller listens for OpenFlow on this machine (%(default)s)')
    options.add_argument('--protocols', default='OpenFlow13,OpenFlow15', metavar='LIST',
                         help='versions that the switch speaks (%(default)s)')
    options.add_argument('--run', action='store_true',
                         help='no command line: stay up until standard input ends')
    options.add_argument('--log-dir', metavar='DIR',
                         help="where Open vSwitch logs, if it is started here (default: a temporary place)")
    arguments = options.parse_args()
    if os.geteuid() != 0:
        sys.exit('the lab makes network namespaces and needs root: sudo lab/topology.py')
    setLogLevel('warning' if arguments.run else 'output')
    # Standard output is for the one line of JSON; what the tools in between print must not mix with it.
    signal.signal(signal.SIGTERM, stop_on_signal)
    net = server = None
    try:
        openvswitch.start(arguments.log_dir)
        refuse_to_disturb()
        net = build(arguments.controller_port, arguments.protocols)
        server = start_servers(net)
        if arguments.run:
            print(json.dumps(describe(net)), flush=True)
            while sys.stdin.buffer.read(4096):
                pass
        else:
            print('hosts: alice, bob, server; controller: tcp:127.0.0.1:%d' % arguments.controller_port)
            CLI(net)
    except KeyboardInterrupt:
        pass
    finally:
        # A second signal must not leave half of it standing.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if server is not None:
            server.stdin.close()
            server.wait(timeout=5)
        if net is not None:
            # The bridge goes before its links, or the switch complains about each of them in its log.
            net['s1'].cmd('ovs-vsctl --if-exists del-br s1')
            net.stop()
        openvswitch.stop()


if __name__ == '__main__':
    main()
