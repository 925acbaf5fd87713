#!/bin/sh
# Makes a Debian 12 machine ready for the lab and the tests: system packages, node_modules, unikernels.
# Does only what is missing and says nothing when there is nothing to do. Plain sh, because on a fresh
# clone it runs before any of the project's own tools are there.
set -eu
cd "$(dirname "$0")/.."

# Everything that the lab and the tests run and that a bare Debian 12 lacks.
packages='
bind9-dnsutils
chromium
clang
curl
dnsmasq-base
ethtool
gcc
hping3
iperf3
iproute2
iputils-ping
isc-dhcp-client
libc6-dev
libclang-rt-14-dev
libseccomp-dev
make
mininet
netcat-openbsd
nfdump
nmap
openssl
openvswitch-switch
procps
python3
python3-os-ken
qemu-system-x86
tcpdump
traceroute
tshark
udhcpc
'

step() { printf '%s\n' "setup: $1" >&2; }

# Runs a command silently; shows what it said only if it fails.
quietly() {
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    status=$?
    cat "$log" >&2
    rm -f "$log"
    step "failed: $*"
    exit "$status"
  fi
}

missing_packages() {
  for package in $packages; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
      installed) ;;
      *) printf ' %s' "$package" ;;
    esac
  done
}

install_packages() {
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    step 'system packages are missing; install them with this line and try again:'
    printf '%s\n' "sudo apt-get update && sudo apt-get install --no-install-recommends -y$missing" >&2
    exit 1
  fi
  step "installing$missing"
  # RUNLEVEL=1 keeps package scripts from starting daemons where there is no systemd: the lab starts
  # Open vSwitch itself, with the options that it needs.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  quietly apt-get update
  # shellcheck disable=SC2086 # a list on purpose
  quietly apt-get install --no-install-recommends -y $missing </dev/null
}

# node_modules is compared by content, not by time: a checkout that only touches the lock file must not
# cost a reinstallation.
node_modules_current() {
  [ -f node_modules/.package-lock.json ] || return 1
  node -e '
    const read = (f) => JSON.parse(require("node:fs").readFileSync(f, "utf8")).packages;
    const want = read("package-lock.json");
    const have = read("node_modules/.package-lock.json");
    const same = (a, b) => a.version === b.version && a.integrity === b.integrity;
    for (const [path, entry] of Object.entries(want)) {
      if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) continue;
      const installed = have[path];
      if (installed === undefined ? !entry.optional && !entry.peer : !same(entry, installed)) process.exit(1);
    }
    for (const path of Object.keys(have)) if (!(path in want)) process.exit(1);
  '
}

install_node_modules() {
  node_modules_current && return 0
  step 'npm ci'
  quietly npm ci --no-audit --no-fund
}

build_unikernels() {
  [ -f unikernels/Makefile ] || return 0
  make -q -C unikernels >/dev/null 2>&1 && return 0
  step 'building the unikernels'
  quietly make -C unikernels
}

# A function that others have made, for the tests and the benchmarks. apt downloads the kernel; nothing is installed.
fetch_linux_guest() {
  [ -e unikernels/build/linux/linux-bridge.cpio.gz ] && return 0
  step 'fetching a Linux kernel for a guest'
  lab/linux-guest.sh unikernels/build/linux >/dev/null 2>&1 ||
    step 'no kernel could be fetched; what is tried with it is left out'
}

install_packages
install_node_modules
build_unikernels
fetch_linux_guest
