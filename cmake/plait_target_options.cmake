# What every target of the project's own is compiled with. Nothing of it reaches a user's targets.
function(plait_target_options target)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20
    CXX_STANDARD_REQUIRED ON
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  # Warnings become errors only in the presets (CMAKE_COMPILE_WARNING_AS_ERROR): a compiler that is younger than plait
  # must not stop a user's build.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  # GCC's documentation: with a sanitizer this one warns of what is right (here: assigning a std::variant).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
  endif()
  # Several sources as one: for GCC those are headers, whose unnamed namespaces it warns of.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE $<$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>:-Wno-subobject-linkage>)
  endif()
endfunction()
