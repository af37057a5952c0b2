# SPDX-License-Identifier: Apache-2.0
# Targets of the house: one folder, one library, one test file beside its subject's name.

option(WEIR_WERROR "Treat warnings as errors" ON)

# Warnings on one of our own targets; never global. GCC 12 at -O3 takes `"text" + std::string` for an overlapping copy
# (gcc.gnu.org/PR105651).
function(weir_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                         $<$<BOOL:${WEIR_WERROR}>:-Werror>)
endfunction()

# weir_library(NAME SOURCES … [LINK …]): static library weir_NAME, alias weir::NAME. Includes are written from the
# root of the repository.
function(weir_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(weir_${name} STATIC ${ARG_SOURCES})
  add_library(weir::${name} ALIAS weir_${name})
  target_include_directories(weir_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_features(weir_${name} PUBLIC cxx_std_20)
  target_link_libraries(weir_${name} PUBLIC ${ARG_LINK})
  weir_warnings(weir_${name})
endfunction()

# weir_program(NAME SOURCES … [LINK …]): an executable called NAME.
function(weir_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  weir_warnings(${name})
  if(name MATCHES "^weir(-|$)")
    # What people run lies in one place; tests stay beside their folder.
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  endif()
endfunction()

# weir_test(NAME LABEL unit|kernel|system|vm|fuzz SOURCES … [LINK …]): a GoogleTest program whose cases ctest knows by
# name. Tests that attach BPF or share namespaces run one at a time (RESOURCE_LOCK kernel).
function(weir_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  weir_program(${name} SOURCES ${ARG_SOURCES} LINK ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  set(lock)
  if(ARG_LABEL MATCHES "kernel|system|vm")
    set(lock RESOURCE_LOCK kernel)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT} ${lock})
endfunction()
include(GoogleTest)
