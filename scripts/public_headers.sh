# shellcheck shell=bash
# The public headers, as cmake/plait_install.cmake installs them. Sourced; the current folder is the root.
public_headers() {
  find plait -name '*.hpp' ! -path '*/internal/*' ! -path 'plait/testing/*' ! -name '*_test*.hpp' | sort
}
