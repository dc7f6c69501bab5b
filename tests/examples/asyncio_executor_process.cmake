# The page's other program: six calls in three processes. Its log must show every call in a process, not the program's
# own, and then the same results. The machine may start one of the three late, so that it gets one call or none: that
# there are three and each is used again must be seen in one of several runs, of a quarter of a second each.
cmake_minimum_required(VERSION 3.25)

# Runs it and checks what must hold each time; `calls_by_process` is the list of 'pid' for each call.
function(run_program)
  execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE on_stdout ERROR_VARIABLE log)
  if(NOT result EQUAL 0 OR NOT on_stdout STREQUAL "")
    message(FATAL_ERROR "exit status ${result}, on stdout: '${on_stdout}', on stderr:\n${log}")
  endif()
  set(log "${log}" PARENT_SCOPE)

  # Every line is whole: one process wrote it, and nobody into it.
  string(REGEX MATCHALL "[^\n]*\n" lines "${log}")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^PID +[0-9]+ +(run_blocking_tasks|blocks\\([0-5]\\)): [^:]+(: [0-9, ]+)?\n$")
      message(FATAL_ERROR "this is no whole line of the log: '${line}' in:\n${log}")
    endif()
  endforeach()

  # What the program's own process says, in this order.
  set(own "")
  foreach(text IN ITEMS "starting" "creating executor tasks" "waiting for executor tasks"
      "results: 0, 1, 4, 9, 16, 25" "exiting")
    string(APPEND own "run_blocking_tasks: ${text}\n")
  endforeach()
  string(REGEX MATCHALL "PID +[0-9]+ +run_blocking_tasks: [^\n]*\n" said "${log}")
  list(JOIN said "" said)
  string(REGEX REPLACE "PID +[0-9]+ +" "" said "${said}")
  if(NOT said STREQUAL own)
    message(FATAL_ERROR "the program says\n${said}instead of\n${own}")
  endif()
  string(REGEX MATCH "PID +([0-9]+) +run_blocking_tasks" parent "${log}")
  set(parent ${CMAKE_MATCH_1})

  # Each call is begun and ended in one process.
  set(workers "")
  foreach(n RANGE 5)
    if(NOT log MATCHES "PID +([0-9]+) +blocks\\(${n}\\): running\n(.*\n)?PID +([0-9]+) +blocks\\(${n}\\): done\n"
        OR NOT CMAKE_MATCH_1 EQUAL CMAKE_MATCH_3)
      message(FATAL_ERROR "no process says 'blocks(${n}): running' and then 'done' in:\n${log}")
    endif()
    list(APPEND workers ${CMAKE_MATCH_1})
  endforeach()
  if(parent IN_LIST workers)
    message(FATAL_ERROR "a call ran in the program's own process, ${parent}:\n${log}")
  endif()
  set(calls_by_process "${workers}" PARENT_SCOPE)
endfunction()

foreach(attempt RANGE 29)
  run_program()
  set(processes ${calls_by_process})
  list(REMOVE_DUPLICATES processes)
  list(LENGTH processes count)
  if(count GREATER 3)
    message(FATAL_ERROR "${count} processes instead of 3:\n${log}")
  endif()
  set(all_used_again TRUE)
  foreach(pid IN LISTS processes)
    set(calls ${calls_by_process})
    list(FILTER calls INCLUDE REGEX "^${pid}$")
    list(LENGTH calls calls)
    if(calls LESS 2)
      set(all_used_again FALSE)
    endif()
  endforeach()
  if(count EQUAL 3 AND all_used_again)
    return()
  endif()
endforeach()
message(FATAL_ERROR "in no run three processes that are each used again; in the last one:\n${log}")
