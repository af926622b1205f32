#!/usr/bin/env bash
# A device with an Arm processor, emulated (a Cortex-A72, as of a Raspberry Pi 4): it installs from
# the wheels of that machine, sees the same pixels, and gives the same verdicts as this one.
# Emulation is slow, so the pictures are few.
#   usage: bash .ci/arm.sh PYTHON
# PYTHON has partsight with a runtime for this machine.
set -euo pipefail
python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
binfmt=/proc/sys/fs/binfmt_misc

not_run() {
  echo "not run: $1"
  exit 0
}

[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || not_run "an emulated machine takes root and apt-get"
command -v debootstrap >/dev/null && command -v qemu-aarch64-static >/dev/null ||
  apt-get install -y -q --no-install-recommends debootstrap qemu-user-static >/dev/null || true
[ -e $binfmt/register ] || mount -t binfmt_misc none $binfmt || true
if [ ! -e $binfmt/qemu-aarch64 ]; then
  { tr -d '\n' </usr/lib/binfmt.d/qemu-aarch64.conf >$binfmt/register; } || true
fi
[ -e $binfmt/qemu-aarch64 ] || not_run "programs of Arm machines cannot be run here"

# Unpacked only: to configure the packages would take the emulated machine minutes.
debootstrap --foreign --arch=arm64 --variant=minbase --include=python3,libgl1,libglib2.0-0 \
  bookworm "$root" >"$work/debootstrap.log" || not_run "$(tail -n 1 "$work/debootstrap.log")"
for package in "$root"/var/cache/apt/archives/*.deb; do
  dpkg -x "$package" "$root"
done
# shellcheck disable=SC2046
"$python" -m pip install -q -c constraints.txt --target "$root/opt/partsight" \
  --platform manylinux2014_aarch64 $(printf -- '--platform manylinux_2_%s_aarch64 ' {17..36}) \
  --implementation cp --python-version 3.11 --only-binary=:all: '.[litert]'
"$python" -m partsight sample-data "$work/parts" --per-label 4 --seed 7
cp -r "$work/parts" models .ci "$root/opt"

# The runtimes ask proc and sys for the processor, and the emulator shows them this machine's.
for processor in $(seq 0 $(($(nproc) - 1))); do
  printf '%s\t: %s\n' processor "$processor" Features 'fp asimd crc32' 'CPU implementer' 0x41 \
    'CPU architecture' 8 'CPU variant' 0x0 'CPU part' 0xd08 'CPU revision' 3
  echo
done >"$work/cpuinfo"
# Mounts go with their namespace.
arm() {
  # shellcheck disable=SC2016
  unshare -m bash -ec 'mount -t proc proc "$1/proc"; mount --rbind /sys "$1/sys"
    mount --bind "$0" "$1/proc/cpuinfo"; exec chroot "${@:1}"' "$work/cpuinfo" "$root" \
    /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root PYTHONPATH=/opt/partsight QEMU_CPU=cortex-a72 "$@"
}
arm true || not_run "mounts and chroot are not allowed here"

"$python" .ci/pixels.py 24 >"$work/here.txt"
arm python3 /opt/.ci/pixels.py 24 >"$work/arm.txt"
diff "$work/here.txt" "$work/arm.txt"
model=models/sample-parts-int8.tflite
"$python" -m partsight classify $model "$work/parts" -o "$work/here.jsonl" --quiet
for runtime in tflite-runtime litert; do
  arm PARTSIGHT_RUNTIME=$runtime python3 -m partsight classify "/opt/$model" /opt/parts \
    -o "/root/$runtime.jsonl" --quiet
  "$python" .ci/same_verdicts.py "$work/here.jsonl" "$root/root/$runtime.jsonl"
done
