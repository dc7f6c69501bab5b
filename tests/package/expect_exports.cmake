# A shared library's exported names must all be plait's own, but for the one by which it takes over before main.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND "${NM}" --dynamic --defined-only --demangle "${LIBRARY}"
  OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE ";" "," output "${output}")
string(REGEX MATCHALL "[^\n]+" symbols "${output}")

set(foreign "")
set(own 0)
foreach(symbol IN LISTS symbols)
  # address, kind, name; templates have their result's type first
  if(symbol MATCHES "^[0-9a-f]+ . ((typeinfo|typeinfo name|vtable|VTT|guard variable|TLS [a-z]+ function|(non-)?virtual thunk) (for|to) )?plait::"
      OR symbol MATCHES "^[0-9a-f]+ . [^(]* plait::")
    math(EXPR own "${own} + 1")
  elseif(symbol MATCHES "^[0-9a-f]+ W __libc_start_main$")
    set(takes_over TRUE)
  elseif(NOT symbol MATCHES " __asan_| __ubsan_| __odr_asan")
    list(APPEND foreign "${symbol}")
  endif()
endforeach()

if(own EQUAL 0)
  message(FATAL_ERROR "${LIBRARY} exports nothing of plait's:\n${output}")
endif()
if(NOT takes_over)
  message(FATAL_ERROR "${LIBRARY} does not export __libc_start_main: its users' programs can't become workers")
endif()
if(foreign)
  list(JOIN foreign "\n  " foreign)
  message(FATAL_ERROR "${LIBRARY} exports what is not in namespace plait:\n  ${foreign}")
endif()
message(STATUS "${own} exported names, all in namespace plait")
