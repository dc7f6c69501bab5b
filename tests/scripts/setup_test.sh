#!/usr/bin/env bash
# scripts/setup.sh on a machine that lacks packages: stand-ins for dpkg-query and apt-get say what was asked of them.
# setup_test.sh SETUP_SH
set -euo pipefail
setup=$1
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT

cat >"$machine/dpkg-query" <<'END'
#!/bin/sh
# As the real one: knows g++, has removed cmake, has never heard of the others, and fails for that.
echo "ii g++"
echo "rc cmake"
exit 1
END
cat >"$machine/apt-get" <<'END'
#!/bin/sh
for word; do case $word in -*) ;; DPkg*) ;; *) printf '%s ' "$word" >>"$ASKED" ;; esac; done
echo >>"$ASKED"
exit "${APT_FAILS:-0}"
END
printf '#!/bin/sh\nexec "$@"\n' >"$machine/sudo"
chmod +x "$machine"/*

export PATH=$machine:$PATH ASKED=$machine/asked

# asks NAME…: with `set -e`, as ./run, ./test and ./bench have it.
asks() {
  : >"$ASKED"
  status=0
  said=$(bash -euo pipefail -c 'source "$0"; need_packages "$@"; echo went on' "$setup" "$@" 2>&1) || status=$?
}
expect() {
  [[ $2 == *"$3"* ]] || {
    printf '%s: expected "%s" in: %s\n' "$1" "$3" "$2" >&2
    exit 1
  }
}

asks g++ cmake libnobody-dev
expect "what is missing is installed" "$(cat "$ASKED")" "install cmake libnobody-dev"
expect "the script goes on" "$said" "went on"

asks g++
[[ ! -s $ASKED ]] || { echo "nothing is missing, and apt-get was called: $(cat "$ASKED")" >&2; exit 1; }
expect "the script goes on" "$said" "went on"

APT_FAILS=1 asks libnobody-dev
expect "what can't be had is said" "$said" "error: apt-get update failed (see above); still missing: libnobody-dev"
((status == 1)) || { echo "exit status $status, expected 1" >&2; exit 1; }
