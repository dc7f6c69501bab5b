# What moves a program from threads to processes: the executor's line. (And what its log shows of a worker.)
cmake_minimum_required(VERSION 3.25)

# Takes out the one line of `program` that matches.
function(take_out program pattern what)
  string(REGEX MATCHALL "\n${pattern}\n" found "${${program}}")
  list(LENGTH found times)
  if(NOT times EQUAL 1)
    message(FATAL_ERROR "asyncio_executor_${program}.cpp has ${times} lines with ${what}; expected one")
  endif()
  string(REGEX REPLACE "\n${pattern}\n" "\n" rest "${${program}}")
  set(${program} "${rest}" PARENT_SCOPE)
endfunction()

foreach(program IN ITEMS thread process)
  file(READ "${EXAMPLES}/asyncio_executor_${program}.cpp" ${program})
  string(REPLACE ";" "," ${program} "${${program}}")  # CMake's lists end there
  take_out(${program} "  plait::${program}_pool_executor executor{{\\.max_workers = 3}}," "the executor")
  take_out(${program} "  plait::basic_config\\({\\.pattern = \"[^\"\n]*\"}\\),  // [a-z, ]*" "the log's pattern")
endforeach()

if(NOT thread STREQUAL process)
  message(FATAL_ERROR "the two programs differ in more than the executor's line and the log's pattern:\n"
    "diff ${EXAMPLES}/asyncio_executor_thread.cpp ${EXAMPLES}/asyncio_executor_process.cpp")
endif()
