# Installs the build into a scratch prefix; then configures, builds and runs a program outside of this tree against it.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${SCRATCH}")
set(prefix "${SCRATCH}/prefix")
set(consumer "${SCRATCH}/consumer")

function(must what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
endfunction()

must("the installation" "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")

file(GLOB_RECURSE headers RELATIVE "${prefix}/include" "${prefix}/include/*")
if(NOT "plait/plait.hpp" IN_LIST headers)
  message(FATAL_ERROR "plait/plait.hpp is not installed")
endif()
foreach(header IN LISTS headers)
  if(header MATCHES "/internal/|/testing/|_test|CMakeLists" OR NOT header MATCHES "^plait/.*\\.hpp$")
    message(FATAL_ERROR "${header} is installed, and is no public header")
  endif()
endforeach()

if(TOOL)
  cmake_path(ABSOLUTE_PATH TOOL BASE_DIRECTORY "${prefix}")
  execute_process(COMMAND "${TOOL}" --version RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result EQUAL 0 OR NOT said STREQUAL "${VERSION}\n")
    message(FATAL_ERROR "the installed program plait says (${result}) '${said}' instead of its version, ${VERSION}")
  endif()
endif()

file(COPY "${SOURCE}/" DESTINATION "${consumer}")
must("configuring the program that uses the installed plait" "${CMAKE_COMMAND}"
  -S "${consumer}" -B "${consumer}/build" -G "${GENERATOR}"
  "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
  "-DPLAIT_EXPECTED_VERSION=${VERSION}")
must("building it" "${CMAKE_COMMAND}" --build "${consumer}/build")
must("running it" "${consumer}/build/consumer")
