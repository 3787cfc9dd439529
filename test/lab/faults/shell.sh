# shellcheck shell=bash
# Read by the shells that put a fault into the guest and take it back, as root.

# drive ADDRESS [DRIVER]: gives a PCI function to a driver, without: to the one that the kernel chooses, as at the boot.
drive() {
  leave "$1" "${2:-}"
  echo "$1" >/sys/bus/pci/drivers_probe
  rm -f "/run/udrv/bind/$1"
}

# leave ADDRESS [OVERRIDE]: takes a PCI function from its driver.
leave() {
  [ ! -e "/sys/bus/pci/devices/$1/driver" ] || echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
  echo "${2:-}" >"/sys/bus/pci/devices/$1/driver_override"
}

# hold NODE: has a program open it, and keep it open.
hold() {
  sleep 1000 <"$1" >/dev/null 2>&1 &
}

# group ADDRESS: the number of its IOMMU group.
group() { basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")"; }

# disk: the name of the disk that keeps what is written to it: the kernel numbers disks as it finds them.
disk() { ls /sys/bus/pci/devices/0000:00:0c.0/nvme/nvme*/ | grep -m 1 -x 'nvme[0-9]*n1'; }

# stick: the name of the USB disk in port 6.
stick() { basename /sys/bus/usb/devices/1-6:1.0/host*/target*/*/block/*; }

# claimed INTERFACE: whether a program has claimed it.
claimed() { [ "$(basename "$(readlink "/sys/bus/usb/devices/$1/driver")")" = usbfs ]; }

# await COMMAND...: until it succeeds.
await() {
  for _ in $(seq 100); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "never came: $*" >&2
  return 1
}

# set_up: what the guest has beyond machine.ts.
set_up() {
  modprobe -a e1000e vfio_iommu_type1
  [ ! -d /sys/kernel/security ] || mount -t securityfs securityfs /sys/kernel/security
  # As sudo(8), which the host may lack.
  mkdir /run/lab/suid
  cp "$(command -v setpriv)" /run/lab/suid
  chmod 4755 /run/lab/suid/setpriv
  printf '#!/bin/sh\nexec /run/lab/suid/setpriv --reuid 0 --regid 0 --clear-groups -- "$@"\n' >/run/lab/bin/sudo
  chmod +x /run/lab/bin/sudo
  await disk
  await test -e /sys/bus/usb/devices/1-6:1.0/driver
  await test -e /sys/bus/pci/devices/0000:00:0b.0/net
  nodes >/run/lab/nodes
}

# nodes: those of devices, as they are: mode, owner, group, type, major and minor number (hexadecimal), name.
nodes() {
  local places=(/dev/uio0 /dev/bus/usb) place
  for place in /dev/vfio /dev/iommu; do [ ! -e $place ] || places+=($place); done
  find "${places[@]}" -type c -exec stat -c '%a %u %g %t %T %n' {} +
}

# restore_nodes: makes them as they were at the boot.
restore_nodes() {
  local mode uid gid major minor name
  nodes 2>/dev/null | grep -vxFf - /run/lab/nodes | while read -r mode uid gid major minor name; do
    mkdir -p "${name%/*}"
    [ -e "$name" ] || mknod "$name" c $((16#$major)) $((16#$minor))
    chown "$uid:$gid" "$name" && chmod "$mode" "$name"
  done
}
