#!/bin/sh
# Makes a Linux guest that bridges its two network cards, as an example of a function that others have made, and to
# measure beside: Debian's cloud kernel and a busybox. Writes linux.vmlinuz and linux-bridge.cpio.gz into a directory.
#
#     lab/linux-guest.sh <directory>
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$out/linux.vmlinuz" ] && [ -e "$out/linux-bridge.cpio.gz" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# The package is unpacked and not installed: this machine boots another kernel. apt's own sandbox user has no business here.
apt='apt-get -qq -o APT::Sandbox::User=root'
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: *//p' | head -n 1)
[ -n "$kernel" ] || { $apt update; kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: *//p' | head -n 1); }
$apt download "$kernel" busybox-static >/dev/null 2>&1 || { $apt update && $apt download "$kernel" busybox-static >/dev/null; }
for package in *.deb; do dpkg -x "$package" unpacked; done

modules='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net llc stp bridge'
mkdir -p root/bin root/modules root/proc root/sys root/dev
cp unpacked/bin/busybox root/bin/
for module in $modules; do
  find unpacked/lib/modules -name "$module.ko" -exec cp {} root/modules/ \;
done
cat >root/init <<INIT
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in $modules; do
  [ -e /modules/\$module.ko ] && /bin/busybox insmod /modules/\$module.ko
done
/bin/busybox brctl addbr br0
# Else a port learns for 15 seconds before it forwards.
/bin/busybox brctl setfd br0 0
for card in eth0 eth1; do
  echo 1 >/proc/sys/net/ipv6/conf/\$card/disable_ipv6 2>/dev/null
  /bin/busybox brctl addif br0 \$card
  /bin/busybox ip link set \$card up
done
echo 1 >/proc/sys/net/ipv6/conf/br0/disable_ipv6 2>/dev/null
/bin/busybox ip link set br0 up
# A card that was just switched on carries nothing before the kernel has noticed that it can.
for card in eth0 eth1; do
  until [ "\$(/bin/busybox cat /sys/class/net/br0/brif/\$card/state)" = 3 ] &&
    [ "\$(/bin/busybox cat /sys/class/net/\$card/operstate)" = up ]; do
    /bin/busybox usleep 10000
  done
done
echo "the bridge is up: \$(/bin/busybox sed 's/.*instance=\([^ ]*\).*/\1/' /proc/cmdline)" >/dev/console
while :; do /bin/busybox sleep 3600; done
INIT
chmod +x root/init
(cd root && find . | LC_ALL=C sort | ../unpacked/bin/busybox cpio -o -H newc 2>/dev/null) | gzip -9 >bridge.cpio.gz
cp bridge.cpio.gz "$out/linux-bridge.cpio.gz"
cp unpacked/boot/vmlinuz-* "$out/linux.vmlinuz"
