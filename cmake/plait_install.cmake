# cmake --install: the library, the public headers, and the package that find_package(plait) reads.
include(CMakePackageConfigHelpers)

set(PLAIT_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/plait")

install(TARGETS plait EXPORT plaitTargets)
if(PLAIT_TOOLS)
  install(TARGETS plait_tool RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/plait/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/plait"
  FILES_MATCHING PATTERN "*.hpp"
  PATTERN "internal" EXCLUDE
  PATTERN "testing" EXCLUDE
  PATTERN "*_test*.hpp" EXCLUDE)

# The check for what GCC 12 does to temporaries in coroutines: a user's coroutines need it as much as plait's own.
install(PROGRAMS "${PROJECT_SOURCE_DIR}/scripts/gcc12_check" DESTINATION "${CMAKE_INSTALL_DATADIR}/plait")
install(FILES "${PROJECT_SOURCE_DIR}/scripts/gcc12_check.query" DESTINATION "${CMAKE_INSTALL_DATADIR}/plait")

install(EXPORT plaitTargets NAMESPACE plait:: DESTINATION "${PLAIT_PACKAGE_DIR}")
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/plaitConfig.cmake.in" "${PROJECT_BINARY_DIR}/plaitConfig.cmake"
  INSTALL_DESTINATION "${PLAIT_PACKAGE_DIR}")
# Before 1.0 a minor version may break what was.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/plaitConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/plaitConfig.cmake" "${PROJECT_BINARY_DIR}/plaitConfigVersion.cmake"
  DESTINATION "${PLAIT_PACKAGE_DIR}")
