# Runs a program that hangs on purpose, and expects the watchdog to end it and to name what hung.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(result EQUAL 0)
  message(FATAL_ERROR "the hanging program ended well:\n${output}")
endif()
foreach(expected IN ITEMS
    "hanging_program.hangs_in_two_threads"
    "waits_for_a_reply_that_never_comes"
    "spins_with_every_signal_blocked"
    "hanging_program.cpp:")
  if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "no '${expected}' in the watchdog's report:\n${output}")
  endif()
endforeach()
