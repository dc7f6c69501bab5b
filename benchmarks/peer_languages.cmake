# The peers in languages that CMake does not build: with the tools of the language itself, where they are there, and
# without a network. Everything they make stays in the build folder.

# plait_foreign_peer(OUTPUT SOURCE COMMAND…): OUTPUT, in the build folder, is what the commands make of SOURCE.
function(plait_foreign_peer output source)
  add_custom_command(
    OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/${output}"
    ${ARGN}
    DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${source}"
    WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
    COMMENT "Building ${output}"
    VERBATIM)
  add_custom_target(build_${output} ALL DEPENDS "${CMAKE_CURRENT_BINARY_DIR}/${output}")
endfunction()

find_program(PLAIT_GO go)
if(PLAIT_GO)
  plait_foreign_peer(peer_go peer_go.go
    COMMAND "${CMAKE_COMMAND}" -E env GOENV=off GOPROXY=off GOFLAGS= "GOCACHE=${CMAKE_CURRENT_BINARY_DIR}/go_cache"
            "${PLAIT_GO}" build -o peer_go "${CMAKE_CURRENT_SOURCE_DIR}/peer_go.go")
else()
  message(STATUS "Benchmarks: no Go (golang-go); it will be missing from the comparison")
endif()

# /usr/bin/java runs it: the driver knows of no other.
find_program(PLAIT_JAVAC javac PATHS /usr/bin NO_DEFAULT_PATH)
find_program(PLAIT_JAR jar PATHS /usr/bin NO_DEFAULT_PATH)
if(PLAIT_JAVAC AND PLAIT_JAR)
  plait_foreign_peer(peer_java.jar peer_java.java
    COMMAND "${CMAKE_COMMAND}" -E rm -rf java_classes
    COMMAND "${PLAIT_JAVAC}" -Xlint:all -Werror -d java_classes "${CMAKE_CURRENT_SOURCE_DIR}/peer_java.java"
    COMMAND "${PLAIT_JAR}" --create --file peer_java.jar --main-class PeerJava -C java_classes .)
else()
  message(STATUS "Benchmarks: no Java (default-jdk-headless); it will be missing from the comparison")
endif()

# tokio's sources are a package of Debian's, and so are those of what it needs. The compiler that belongs to them builds
# them: another one in the path may not.
set(crates /usr/share/cargo/registry)
file(GLOB tokio_sources LIST_DIRECTORIES true "${crates}/tokio-1.*")
find_program(PLAIT_CARGO cargo PATHS /usr/bin NO_DEFAULT_PATH)
find_program(PLAIT_RUSTC rustc PATHS /usr/bin NO_DEFAULT_PATH)
if(PLAIT_CARGO AND PLAIT_RUSTC AND tokio_sources)
  string(REGEX REPLACE ".*/tokio-" "" tokio_version "${tokio_sources}")
  configure_file(peer_tokio.toml.in tokio/Cargo.toml @ONLY)
  file(CONFIGURE OUTPUT tokio/.cargo/config.toml @ONLY CONTENT "\
[source.crates-io]
replace-with = 'installed'

[source.installed]
directory = '@crates@'
")
  plait_foreign_peer(peer_tokio peer_tokio.rs
    COMMAND "${CMAKE_COMMAND}" -E chdir tokio
            "${CMAKE_COMMAND}" -E env "CARGO_HOME=${CMAKE_CURRENT_BINARY_DIR}/tokio/home" "RUSTC=${PLAIT_RUSTC}"
            "RUSTFLAGS=-D warnings" "TOKIO_VERSION=${tokio_version}"
            "${PLAIT_CARGO}" build --quiet --release --offline --target-dir target
    COMMAND "${CMAKE_COMMAND}" -E copy tokio/target/release/peer_tokio peer_tokio)
else()
  message(STATUS "Benchmarks: no tokio (cargo, rustc, librust-tokio-dev); it will be missing from the comparison")
endif()
