# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The tarball of static programs, and lists of what a build was made of. Sourced with the repository's root as the current
# directory; SOURCE_DATE_EPOCH is the time that everything bears.

# archive_name BUILD: as in weir-0.1.0-linux-x86_64.
archive_name() { printf 'weir-%s-linux-%s' "$(cached "$1" CMAKE_PROJECT_VERSION)" "$(uname -m)"; }

# cached BUILD NAME: a variable of a CMake cache.
cached() { sed -n "s/^$2:[A-Z]*=//p" "$1/CMakeCache.txt"; }

# archive_of BUILD NAME: prints an archive of what the packages install, in one folder NAME, from root's place in the file system.
archive_of() {
  local build=$1 name=$2 stage
  stage=$(mktemp -d)
  DESTDIR=$stage/$name cmake --install "$build" --prefix / --strip >/dev/null
  cp LICENSE "$stage/$name/"
  cp -r LICENSES "$stage/$name/"
  cp deploy/INSTALL.md "$stage/$name/"
  # Whoever makes it, whenever: names in order, no owner, no umask, one time.
  tar --directory "$stage" --sort=name --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \
    --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" --create "$name"
  rm -rf "$stage"
}

# make_archive BUILD NAME FILE: the same, compressed; by one thread, since xz splits by their number.
make_archive() { archive_of "$1" "$2" | xz --threads=1 -6 >"$3"; }

# check_archive NAME FILE: what it holds runs where there is nothing else, no C library either.
check_archive() {
  local name=$1 file=$2 stage program
  stage=$(mktemp -d)
  tar --directory "$stage" --extract --file "$file"
  printf 'version: 1\nmode: block\nallow: [registry.example.org]\n' >"$stage/$name/egress.yml"
  for program in "/usr/bin/weir --version" "/usr/bin/weir policy check /egress.yml" "/usr/sbin/weir-sensor --check-config" \
    "/usr/sbin/weir-collector --check-config"; do
    # shellcheck disable=SC2086  # words
    as_root chroot "$stage/$name" $program >/dev/null || die "$file: $program does not run by itself"
  done
  rm -rf "$stage"
}

# make_sbom BUILD NAME FILE: SPDX 2.3 of the Debian packages from which headers and archives went into the programs of a
# build, as ninja and the linker noted them, with their versions. What is no file (the compiler gives an archive's name back that
# it does not find), or of no package, drops out.
make_sbom() {
  local build=$1 name=$2 file=$3
  # shellcheck disable=SC2016  # dpkg-query expands these
  {
    ninja -C "$build" -t deps | sed -n 's/^    \(\/usr\/.*\)/\1/p'
    ninja -C "$build" -t commands weir weir-sensor weir-collector >"$file.commands"
    grep -oE '/usr/lib/[^ ]+\.(a|so)[^ ]*' "$file.commands"
    grep -oE ' -l[a-z0-9_]+' "$file.commands" | sort -u | while IFS= read -r library; do
      c++ -print-file-name="lib${library# -l}.a"
    done
    rm "$file.commands"
  } | sort -u | { xargs -r realpath -q || true; } | sort -u | { xargs -r dpkg-query --search 2>/dev/null || true; } |
    sed 's/: .*//' | tr ',' '\n' |
    tr -d ' ' | sort -u | xargs -r dpkg-query --show --showformat '${source:Package}\t${binary:Package}\t${Version}\n' |
    jq --raw-input --slurp --arg name "$name" --arg version "$(cached "$build" CMAKE_PROJECT_VERSION)" \
      --arg created "$(date --utc --date "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" \
      --arg commit "$(git -c safe.directory="$PWD" rev-parse HEAD)" -f deploy/sbom.jq >"$file"
}
