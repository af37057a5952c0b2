# shellcheck shell=bash disable=SC2034,SC2154  # what is set here is read there, and $root the other way
# SPDX-License-Identifier: Apache-2.0
# What the scripts that make and boot test machines share. $root: the image that is being made.
outcomes=$(dirname "${BASH_SOURCE[0]}")/../../dev.d/outcomes.awk
lsm=landlock,lockdown,yama,integrity,apparmor # as on the runners that Weir is for: without bpf
vm_cache=${WEIR_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/weir}

# The mirror that the machine uses for Debian's own archive (not security, not third parties).
debian_mirror() {
  # shellcheck disable=SC2016  # apt expands these
  apt-get indextargets --format '$(CREATED_BY)|$(LABEL)|$(SITE)' | awk -F'|' '$1=="Packages" && $2=="Debian" {print $3; exit}'
}

# lock_cache DIR: one download at a time; several people, or ctest -j, may want the same thing. Held until the end.
lock_cache() {
  mkdir -p "$1"
  exec 9>"$1/.lock"
  flock 9
}

# add_file SOURCE TARGET: puts a file into the image, and the libraries that it is linked with. Debug information stays
# outside: it is most of a test program, and the image is unpacked by an emulated CPU.
add_file() {
  local source=$1 target=$2 library
  [[ -e $source ]] || fail "$source does not exist"
  mkdir -p "$root$(dirname "$target")"
  cp -L "$source" "$root$target"
  if [[ $(head -c 4 "$source" | tr -d '\0') == $'\x7fELF' ]]; then
    strip --strip-debug "$root$target" 2> /dev/null || true
    while read -r library; do
      [[ -e $root$library ]] && continue
      mkdir -p "$root$(dirname "$library")"
      cp -L "$library" "$root$library"
    done < <(ldd "$source" 2> /dev/null | grep -o '/[^ ]*' || true)
  fi
}

# add_modules KERNEL < NAMES: puts modules of a fetched kernel into the image, and what they depend on.
add_modules() {
  local kernel=$1 release directory name dependency
  release=$(< "$kernel/release")
  directory=$kernel/lib/modules/$release
  mkdir -p "$root/lib/modules/$release"
  cp "$directory"/modules.* "$root/lib/modules/$release/"
  while read -r name; do
    while read -r dependency; do
      mkdir -p "$root/lib/modules/$release/$(dirname "$dependency")"
      cp "$directory/$dependency" "$root/lib/modules/$release/$dependency"
    done < <(sed -n "s|^\([^:]*/$name\.ko\):|\1|p" "$directory/modules.dep" | tr ' ' '\n' | sed '/^$/d')
  done
}

# pack_image > INITRD
pack_image() { (cd "$root" && find . | cpio -o -H newc --quiet); }

# boot_qemu SECONDS MEMORY KERNEL [QEMU OPTION...]: the console goes to standard output. loglevel keeps the kernel's words
# out of the tests' lines. Grace periods are waited for after every attaching and detaching, and would be a quarter of the
# time. $append: more of the command line.
boot_qemu() {
  local seconds=$1 memory=$2 kernel=$3
  shift 3
  timeout -k 5 "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m "$memory" -smp 2 -nographic -nic none \
    -kernel "$kernel/vmlinuz" "$@" \
    -append "console=ttyS0 quiet loglevel=1 panic=-1 rcupdate.rcu_expedited=1 lsm=$lsm ${append:-}" \
    < /dev/null 2>&1 | tr -d '\r'
}

# modules_of FILE: one a line, without its comments.
modules_of() { sed '/^#/d; /^$/d' "$1"; }
