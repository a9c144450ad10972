# cmake -DCOMMAND=... -DOUTPUT=... -DREPORT=... -P: runs nvcc and keeps ptxas's report of registers and memory out of the build's output.
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
    file(REMOVE "${OUTPUT}")
    message(FATAL_ERROR "nvcc failed:\n${output}")
endif()
file(WRITE "${REPORT}" "${output}")
