# shellcheck shell=bash disable=SC2034
# What ./run, ./test, ./bench and .ci/run share: install what is missing, configure, build. Sourced, not run.
# Everything said here goes to stderr; stdout belongs to the programs.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

packages_to_run=(g++ cmake ninja-build ccache libspdlog-dev libfmt-dev libcereal-dev libssl-dev libcli11-dev
  libseccomp-dev libjpeg-dev libpng-dev)
packages_to_bench=("${packages_to_run[@]}" libasio-dev libuv1-dev libzmq3-dev nlohmann-json3-dev python3 gnuplot-nox)
# Peers that take much room, or come with a language of their own: ./bench --peers.
packages_to_bench_peers=(libtbb-dev golang-go default-jdk-headless cargo rustc librust-tokio-dev libopenmpi-dev
  openmpi-bin python3-mpi4py python3-pebble python3-joblib)
# The benchmarks have tests too: what a call costs is counted there.
packages_to_test=("${packages_to_bench[@]}" binutils libglib2.0-dev libgtest-dev libgmock-dev)
packages_to_count=("${packages_to_bench[@]}" valgrind)
packages_to_check=("${packages_to_test[@]}" valgrind
  clang-19 clang-tidy-19 clang-format-19 clang-tools-19 libclang-rt-19-dev llvm-19)

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}

# need_packages NAME…: installs those that are missing. PLAIT_NO_INSTALL=1: takes it that they are there.
need_packages() {
  [[ -z ${PLAIT_NO_INSTALL:-} ]] || return 0
  command -v dpkg-query apt-get >/dev/null ||
    fail "this script installs what it needs with apt-get, which is not here. Install by other means what these" \
      "Debian packages hold: $*; then set PLAIT_NO_INSTALL=1"
  local installed missing=() name
  # dpkg-query fails where it has never heard of one of them; that one is missing, which is what is asked here.
  installed=$({ dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^.i //p')
  for name in "$@"; do
    grep -qxF "$name" <<<"$installed" || missing+=("$name")
  done
  ((${#missing[@]})) || return 0

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "missing packages, and neither root nor sudo to install them: run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120)
  local install=("${apt[@]}" install -y --no-install-recommends --no-remove "${missing[@]}")
  say "installing: ${missing[*]}"
  # Most often the package lists are there and fresh enough; where they are not, the first attempt finds out.
  "${install[@]}" >&2 2>/dev/null && return 0
  "${apt[@]}" update >&2 || fail "apt-get update failed (see above); still missing: ${missing[*]}"
  "${install[@]}" >&2 || fail "apt-get could not install: ${missing[*]} (see above)"
}

# configure PRESET PART…: runs cmake where build/PRESET is not there yet, or lacks one of these parts (examples, tests,
# benchmarks), or is older than the presets, or, with the benchmarks, than the last change of the installed packages:
# there may be another peer now. Parts that are on stay on: ./run and ./test share one folder. What changes
# in CMake files later is ninja's to notice.
configure() {
  local preset=$1 part options=() cache=$root/build/$1/CMakeCache.txt stamp=$root/build/$1/.configured stale=
  shift
  [[ -e $stamp && ! $root/CMakePresets.json -nt $stamp ]] || stale=yes
  [[ " $* " != *" benchmarks "* || ! /var/lib/dpkg/status -nt $stamp ]] || stale=yes
  for part in examples tests benchmarks; do
    if grep -qs "^PLAIT_${part^^}:.*=ON\$" "$cache"; then
      options+=("-DPLAIT_${part^^}=ON")
    elif [[ " $* " == *" $part "* ]]; then
      options+=("-DPLAIT_${part^^}=ON")
      stale=yes
    else
      options+=("-DPLAIT_${part^^}=OFF")
    fi
  done
  [[ $stale ]] || return 0
  (cd "$root" && cmake --preset "$preset" "${options[@]}" && touch "$stamp") >&2
}

# build PRESET [TARGET…]
build() {
  local preset=$1
  shift
  (cd "$root" && cmake --build --preset "$preset" ${1:+--target "$@"}) >&2
}

# run_tests PRESET [ARGUMENTS of ctest]
run_tests() {
  local preset=$1 fixed_addresses=()
  shift
  # ThreadSanitizer may not start where the kernel spreads addresses over more than 28 bits.
  if [[ $preset == tsan ]] && (($(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 32) > 28)); then
    if setarch -R true 2>/dev/null; then
      fixed_addresses=(setarch -R)
    else
      say "the kernel spreads addresses too far for ThreadSanitizer, and setarch -R is not allowed here"
    fi
  fi
  (cd "$root" && "${fixed_addresses[@]}" ctest --preset "$preset" "$@")
}
