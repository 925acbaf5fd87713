"""Starts Open vSwitch where nothing has started it (a container without an init system), and stops what
it started.

The sockets are where every tool looks for them (OVS_RUNDIR), but the database is a fresh one in a
temporary directory: the machine's own is neither read nor changed.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

RUN_DIR = os.environ.get('OVS_RUNDIR', '/var/run/openvswitch')
SYSTEM_LOG = '/var/log/openvswitch/ovs-vswitchd.log'
SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'

_started = []
_directories = []
_log = SYSTEM_LOG
_made_run_dir = False


def socket():
    return os.path.join(RUN_DIR, 'db.sock')


def log():
    """Where ovs-vswitchd logs."""
    return _log


def _answers(daemon):
    command = (['ovs-vsctl', '--timeout=2', '--no-wait', 'get', 'Open_vSwitch', '.', 'ovs_version']
               if daemon == 'ovsdb-server' else ['ovs-appctl', '-T', '2', '-t', 'ovs-vswitchd', 'version'])
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def _start(daemon, *arguments):
    # In a session of its own: Ctrl-C at the terminal is for us, and we stop the switch in order.
    process = subprocess.Popen(
        [daemon, *arguments, '--no-chdir', '-vconsole:off', '-vsyslog:off'],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True)
    _started.append((daemon, process))
    deadline = time.monotonic() + 10
    while not _answers(daemon):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError('%s did not start; its log is in %s' % (daemon, os.path.dirname(_log)))
        time.sleep(0.02)


def _temporary(prefix):
    directory = tempfile.mkdtemp(prefix=prefix)
    _directories.append(directory)
    return directory


def start(log_dir=None):
    global _log, _made_run_dir
    if not os.path.isdir(RUN_DIR):
        os.makedirs(RUN_DIR)
        _made_run_dir = True
    if not _answers('ovsdb-server'):
        home = _temporary('chainstitch-ovsdb-')
        database = os.path.join(home, 'conf.db')
        subprocess.run(['ovsdb-tool', 'create', database, SCHEMA], check=True)
        _start('ovsdb-server', database, '--remote=punix:' + socket(),
               '--unixctl=' + os.path.join(RUN_DIR, 'ovsdb-server.ctl'),
               '--log-file=' + os.path.join(log_dir or home, 'ovsdb-server.log'))
        subprocess.run(['ovs-vsctl', '--no-wait', 'init'], check=True)
    if not _answers('ovs-vswitchd'):
        _log = os.path.join(log_dir or _temporary('chainstitch-ovs-'), 'ovs-vswitchd.log')
        # ovs-appctl finds the daemon by its pid file.
        _start('ovs-vswitchd', 'unix:' + socket(), '--log-file=' + _log,
               '--pidfile=' + os.path.join(RUN_DIR, 'ovs-vswitchd.pid'))


def _end(process):
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop():
    for daemon, process in reversed(_started):
        if process.poll() is None:
            if daemon == 'ovs-vswitchd':
                # --cleanup takes the datapath's internal devices (s1, ovs-netdev) away with it.
                subprocess.run(['ovs-appctl', '-T', '5', '-t', daemon, 'exit', '--cleanup'], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            else:
                process.send_signal(signal.SIGTERM)
        _end(process)
    _started.clear()
    for directory in reversed(_directories):
        shutil.rmtree(directory, ignore_errors=True)
    _directories.clear()
    if _made_run_dir and not os.listdir(RUN_DIR):
        os.rmdir(RUN_DIR)
