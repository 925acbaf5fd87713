#!/bin/sh
# Starts Open vSwitch in the foreground. BRIDGE and DATAPATH_ID: a bridge that is made if it is not there.
set -eu

run=/var/run/openvswitch
database=/etc/openvswitch/conf.db
schema=/usr/share/openvswitch/vswitch.ovsschema
quiet='-vconsole:warn -vsyslog:off -vfile:off'

mkdir -p "$run" "${database%/*}"
# Left by a container that was killed.
rm -f "$run"/*.pid "$run"/*.ctl
if [ ! -f "$database" ]; then
  ovsdb-tool create "$database" "$schema"
elif [ "$(ovsdb-tool needs-conversion "$database" "$schema")" = yes ]; then
  ovsdb-tool convert "$database" "$schema"
fi

# shellcheck disable=SC2086 # options
ovsdb-server "$database" --remote="punix:$run/db.sock" --pidfile --detach --monitor --no-chdir $quiet
ovs-vsctl --no-wait init
if [ -n "${BRIDGE:-}" ]; then
  # Without a controller it forwards nothing: a bridge that forwards by itself goes around every function.
  ovs-vsctl --no-wait --may-exist add-br "$BRIDGE" \
    -- set bridge "$BRIDGE" datapath_type=netdev fail_mode=secure \
    other-config:datapath-id="${DATAPATH_ID:-0000000000000001}"
fi
# shellcheck disable=SC2086
exec ovs-vswitchd "unix:$run/db.sock" --pidfile --no-chdir $quiet
