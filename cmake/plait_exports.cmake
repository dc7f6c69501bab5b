# -fvisibility=hidden does not reach instantiations of the standard library's templates (namespace std is marked visible
# as a whole), so a shared plait would export its copies of them. The version script keeps these in; it can't bring out
# what the sources hide.
set(PLAIT_EXPORTS_MAP "${CMAKE_CURRENT_LIST_DIR}/exports.map")

function(plait_limit_exports target)
  get_target_property(type ${target} TYPE)
  if(type MATCHES "SHARED_LIBRARY|MODULE_LIBRARY")
    target_link_options(${target} PRIVATE "LINKER:--version-script=${PLAIT_EXPORTS_MAP}")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${PLAIT_EXPORTS_MAP}")
  endif()
endfunction()
