# Installs component mls of BUILD below SCRATCH, builds FOREIGN with it around PROGRAM, and runs that.
file(REMOVE_RECURSE ${SCRATCH})
foreach(step
    "${CMAKE_COMMAND};--install;${BUILD};--component;mls;--prefix;${SCRATCH}/prefix"
    "${CMAKE_COMMAND};-S;${FOREIGN};-B;${SCRATCH}/foreign;-G;Ninja;-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix;-DPROGRAM=${PROGRAM};-DCMAKE_CXX_COMPILER=${COMPILER};-DCMAKE_CXX_FLAGS=${FLAGS}"
    "${CMAKE_COMMAND};--build;${SCRATCH}/foreign"
    "${SCRATCH}/foreign/two_members")
  execute_process(COMMAND ${step} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    message(FATAL_ERROR "${step}: ${output}")
  endif()
endforeach()
