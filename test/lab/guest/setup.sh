# shellcheck shell=dash
# setup.sh NODE MODULES UDEV KOFFI: PID 1 in the guest once the host's file system is its root. Makes the machine what
# ../machine.ts says it is, then runs the agent. What fails is written to the log, which the agent hands to the
# host; nothing here may stop the boot or wait without end.
#
# Busybox runs this, with its own tools: they are in memory, while each of the host's takes a moment to arrive.
set -u
node=$1 modules=$2 udev=$3 koffi=$4
lab=$(dirname "$(dirname "$0")")
log=/run/lab/setup.log
: >"$log"
/run/lab/busybox/busybox --install -s /run/lab/busybox
export PATH=/run/lab/busybox

note() { echo "$*" >>"$log"; }
attempt() { "$@" >>"$log" 2>&1 || note "failed: $*"; }
# put VALUE FILE
put() { (echo "$1" >"$2") 2>>"$log" || note "failed: $1 to $2"; }

mount_file_systems() {
  mkdir -p /dev/pts /dev/shm /run/lab/bin /run/lab/home /run/lab/home-user
  attempt chown 1000:1000 /run/lab/home-user
  attempt mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
  attempt mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  attempt mount -t debugfs debugfs /sys/kernel/debug
}

# The host's root has no place for another kernel's modules, so modprobe is told where they are: the one that
# people type, and the one that the kernel runs.
make_modprobe() {
  printf '#!/bin/sh\nexec /sbin/modprobe -C /dev/null -d "%s" "$@"\n' "$modules" >/run/lab/bin/modprobe
  chmod +x /run/lab/bin/modprobe
  put /run/lab/bin/modprobe /proc/sys/kernel/modprobe
}

# koffi looks for its native part beside itself, and there is the host's alone.
show_koffi() {
  beside=$(dirname "$(dirname "$lab")")/node_modules/@koromix
  attempt mount -t tmpfs tmpfs "$beside"
  attempt ln -s "$koffi" "$beside/koffi-linux-arm64"
}

# drive ADDRESS DRIVER, where the machine has it
drive() {
  [ -e "/sys/bus/pci/devices/$1" ] || return 0
  put "$2" "/sys/bus/pci/devices/$1/driver_override"
  put "$1" "/sys/bus/pci/drivers/$2/bind"
}

# Two configurations, as the kernel's gadget zero has: source and sink, and a loopback.
make_gadget() {
  attempt mount -t configfs configfs /sys/kernel/config
  gadget=/sys/kernel/config/usb_gadget/zero
  attempt mkdir "$gadget" "$gadget/strings/0x409"
  put 0x0525 "$gadget/idVendor"
  put 0xa4a0 "$gadget/idProduct"
  put udrv "$gadget/strings/0x409/manufacturer"
  put 'Gadget Zero' "$gadget/strings/0x409/product"
  put UDRV0003 "$gadget/strings/0x409/serialnumber"
  attempt mkdir "$gadget/configs/c.1" "$gadget/configs/c.2" "$gadget/functions/SourceSink.0" "$gadget/functions/Loopback.0"
  attempt ln -s "$gadget/functions/SourceSink.0" "$gadget/configs/c.1"
  attempt ln -s "$gadget/functions/Loopback.0" "$gadget/configs/c.2"
  for controller in /sys/class/udc/*; do
    put "${controller##*/}" "$gadget/UDC"
    break
  done
}

# await PATH...: enumeration goes on beside all this; wait for what it brings, until a minute after the start.
await() {
  for path in "$@"; do
    until [ -e "$path" ]; do
      read -r uptime _ </proc/uptime
      if [ "${uptime%.*}" -ge 60 ]; then
        note "not there: $path"
        break
      fi
      sleep 0.1
    done
  done
}

# As at the boot of a machine whose initramfs has no udev: it hears now of what is there. Of the devices that the tests
# are about: a guest has hundreds of terminals and memory devices besides.
start_udev() {
  /usr/lib/systemd/systemd-udevd --daemon 2>/dev/null || note 'failed: systemd-udevd'
  attempt /usr/bin/udevadm trigger --action=add --subsystem-match=pci --subsystem-match=usb --subsystem-match=uio \
    --subsystem-match=vfio --subsystem-match=vfio-dev --subsystem-match=misc --subsystem-match=net
  attempt /usr/bin/udevadm settle --timeout=60
}

set_up() {
  echo udrv-lab >/proc/sys/kernel/hostname
  mount_file_systems
  [ -z "$modules" ] || make_modprobe
  [ -z "$koffi" ] || show_koffi
  make_gadget
  drive 0000:00:03.0 vfio-pci
  drive 0000:00:04.0 uio_pci_generic
  drive 0000:02:01.0 vfio-pci
  await /dev/uio0 /dev/nvme0n1 /dev/sda /sys/bus/usb/devices/1-3.1 /sys/bus/usb/devices/1-3.2 /sys/bus/usb/devices/1-4 \
    /sys/bus/usb/devices/1-5 /sys/bus/usb/devices/1-7 /sys/bus/usb/devices/3-1
  [ "$udev" = no ] || start_udev
}

# Node takes as long to start as all this takes; the agent waits for the log's final name.
(
  set_up
  mv "$log" /run/lab-setup.log
) &
"$node" "$lab/agent.cjs"
echo "lab: the agent ended with status $?"
poweroff -f
