# Tests that start the programs as an operator would (label process), in Python and Node.js, and the
# checks of the sources (label lint).
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

foreach(tool lint_coroutines check_layers)
  add_test(NAME ${tool}_self_test
           COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/${tool}.py --self-test)
  add_test(NAME ${tool} COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/${tool}.py)
  set_tests_properties(${tool}_self_test ${tool} PROPERTIES LABELS lint)
endforeach()
add_test(NAME version_namespace
         COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/version_namespace.py --check)
set_tests_properties(version_namespace PROPERTIES LABELS lint)
add_test(NAME process_support
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/support/support_test.py)

if(NOT COMET_BUILD_APPS OR NOT COMET_BUILD_EXAMPLES)
  return()
endif()

add_subdirectory(live)

# comet_process_test(NAME SCRIPT [ARGS arg...] [TIMEOUT seconds] [SERIAL] [LOOPS count] [FIXTURES name...])
# LOOPS: event loops of the daemons that it starts; without it as many as they take by themselves.
function(comet_process_test NAME SCRIPT)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;LOOPS" "ARGS;FIXTURES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${NAME} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/${SCRIPT} ${ARG_ARGS})
  set_tests_properties(${NAME} PROPERTIES LABELS process TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "COMET_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};COMET_SANITIZED=${COMET_SANITIZED};COMET_LOOPS=${ARG_LOOPS};PYTHONUNBUFFERED=1"
    RUN_SERIAL $<BOOL:${ARG_SERIAL}> FIXTURES_REQUIRED "${ARG_FIXTURES}")
endfunction()

comet_process_test(process_start integration/start_test.py SERIAL)
comet_process_test(process_daemon integration/daemon_test.py)
comet_process_test(process_failover integration/failover_test.py LOOPS 3)
comet_process_test(process_replication integration/replication_test.py)
# Minutes of waiting for time-outs, which a sanitizer makes no more telling.
if(NOT COMET_SANITIZE)
  comet_process_test(process_replication_links integration/replication_links_test.py TIMEOUT 600)
  comet_process_test(process_replication_upgrade integration/replication_upgrade_test.py)  # with COMET_OLD_BIN
  comet_process_test(process_replication_refusals integration/replication_refusals_test.py TIMEOUT 600)
  comet_process_test(process_hosts integration/hosts_test.py)
endif()
comet_process_test(process_access integration/access_test.py)
comet_process_test(process_descriptors integration/descriptors_test.py)
comet_process_test(process_docs integration/docs_test.py)
comet_process_test(process_nameserver integration/nameserver_test.py SERIAL)
comet_process_test(process_bench integration/bench_test.py)
comet_process_test(process_cometctl integration/cometctl_test.py)
comet_process_test(process_examples integration/examples_test.py)
comet_process_test(process_transactions integration/transaction_test.py)
comet_process_test(process_bad_input integration/bad_input_test.py TIMEOUT 900)
comet_process_test(process_live_broker integration/live_broker_test.py LOOPS 3 TIMEOUT 600)
comet_process_test(process_tls integration/tls_test.py LOOPS 3 TIMEOUT 600)
comet_process_test(process_kill_broker crash/kill_broker_test.py LOOPS 3 ARGS --rounds 5 TIMEOUT 600)
comet_process_test(process_kill_replicas crash/kill_replicas_test.py LOOPS 3 ARGS --rounds 4 TIMEOUT 600)
comet_process_test(process_kill_consumption crash/kill_consumption_test.py ARGS --rounds 4 TIMEOUT 600)
comet_process_test(process_kill_timers crash/kill_timers_test.py TIMEOUT 600)
comet_process_test(process_crash_loops crash/crash_loops_test.py ARGS --rounds 6 TIMEOUT 600)
# A sanitizer's run-time library wants to be the first that is loaded.
if(NOT COMET_SANITIZE)
  comet_process_test(process_failing_calls crash/failing_calls_test.py TIMEOUT 600
    ARGS --shim $<TARGET_FILE:comet_failing_calls>)
endif()

add_test(NAME interop_install
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/interop/install_client.py)
set_tests_properties(interop_install PROPERTIES
  FIXTURES_SETUP interop_client LABELS process TIMEOUT 300)
comet_process_test(process_interop interop/interop_test.py FIXTURES interop_client TIMEOUT 600)
comet_process_test(process_consumers interop/consumers_test.py FIXTURES interop_client TIMEOUT 600)

# Clients that others wrote, with our servers, against what they gave when they were recorded.
comet_process_test(process_peers peers/run.py ARGS --fast --build-dir ${PROJECT_SOURCE_DIR}/build TIMEOUT 1500)
set_tests_properties(process_peers PROPERTIES SKIP_RETURN_CODE 77)  # no client can be had

# The sanitizers' run-time libraries are not part of what is installed.
if(NOT COMET_SANITIZE)
  comet_process_test(install_and_find_package install/install_test.py TIMEOUT 600
    ARGS --build-dir ${CMAKE_BINARY_DIR} --cmake ${CMAKE_COMMAND} --generator ${CMAKE_GENERATOR}
         --compiler ${CMAKE_CXX_COMPILER} --build-type ${CMAKE_BUILD_TYPE})
endif()
