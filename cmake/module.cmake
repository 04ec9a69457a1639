# One way to declare code: module() for a folder's library, program() for an executable, unit_test() for its tests.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(plumbline_flags INTERFACE)
target_include_directories(plumbline_flags INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
target_compile_options(plumbline_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror -fstack-protector-strong)
target_compile_definitions(plumbline_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(plumbline_flags INTERFACE -Wl,-z,relro,-z,now)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Known false reports of g++ 12 inside its own library headers.
  target_compile_options(plumbline_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
    -Wno-stringop-overread -Wno-array-bounds -Wno-missing-field-initializers)
else()
  target_compile_options(plumbline_flags INTERFACE -Wthread-safety -Wno-missing-field-initializers)
endif()

# module(name SRCS a.cc ... DEPS x ...): the static library of one folder.
function(module name)
  cmake_parse_arguments(M "" "" "SRCS;DEPS" ${ARGN})
  add_library(plumbline_${name} STATIC ${M_SRCS})
  target_link_libraries(plumbline_${name} PUBLIC ${M_DEPS} PRIVATE plumbline_flags)
  target_include_directories(plumbline_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
endfunction()

# program(name SRCS main.cc ... DEPS x ...): an executable in bin/.
function(program name)
  cmake_parse_arguments(P "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${P_SRCS})
  target_link_libraries(${name} PRIVATE ${P_DEPS} plumbline_flags)
  if(TARGET plumbline_manifest)
    add_dependencies(${name} plumbline_manifest)  # no program without a manifest that holds
  endif()
endfunction()

# unit_test(name SRCS x_test.cc ... DEPS y ... LABELS ... TIMEOUT s COST s): one GoogleTest program, registered with ctest as a whole.
# TIMEOUT ends what hangs: several times what the suite takes on two slow cores. COST is about what it takes: the longest begin first.
add_custom_target(nogrpc_tests)  # what the sanitizers build
function(unit_test name)
  cmake_parse_arguments(T "" "TIMEOUT;COST" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 240)
  endif()
  if(NOT T_COST)
    math(EXPR T_COST "${T_TIMEOUT} / 10")
  endif()
  add_executable(${name} ${T_SRCS})
  target_compile_options(${name} PRIVATE -O0 -U_FORTIFY_SOURCE)  # what is tested is optimised; the tests themselves need not be
  target_link_libraries(${name} PRIVATE ${T_DEPS} plumbline_flags GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if("nogrpc" IN_LIST T_LABELS)
    add_dependencies(nogrpc_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT} COST ${T_COST})
endfunction()

# For suites that load SoftHSM, whose own leaks are not ours to find. Their stacks go through libraries without frame pointers, so
# they have to be unwound in full; twelve frames reach it.
function(suppress_softhsm_leaks)
  foreach(name ${ARGN})
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 ENVIRONMENT
      "ASAN_OPTIONS=fast_unwind_on_malloc=0:malloc_context_size=12;LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/softhsm.supp")
  endforeach()
endfunction()
