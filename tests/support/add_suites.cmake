# Run by ctest: each suite of `program` is a test, with a limit of `timeout` seconds; `serial`: beside nothing else.
execute_process(COMMAND "${program}" --gtest_list_tests OUTPUT_VARIABLE listed RESULT_VARIABLE failed TIMEOUT 60)
if(NOT failed EQUAL 0)
  add_test("${program}" "${program}" --gtest_list_tests)  # which fails, and says why
  return()
endif()
string(REGEX MATCHALL "(^|\n)[^ \n]+\\.[ \n]" suites "${listed}")
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "[ \n]" "" suite "${suite}")
  add_test("${suite}*" "${program}" "--gtest_filter=${suite}*" --gtest_also_run_disabled_tests)
  set_tests_properties("${suite}*" PROPERTIES TIMEOUT "${timeout}" RUN_SERIAL "${serial}")
endforeach()
