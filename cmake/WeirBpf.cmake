# SPDX-License-Identifier: Apache-2.0
# BPF objects and skeletons.
find_program(CLANG NAMES clang-14 clang REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin REQUIRED)
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch OUTPUT_VARIABLE WEIR_MULTIARCH
                OUTPUT_STRIP_TRAILING_WHITESPACE)

# weir_bpf_object(NAME SOURCES a.bpf.c …): compiles each source, links them to NAME.bpf.o and generates
# NAME.skel.h. Target weir_bpf_NAME (interface library) gives the include directory.
function(weir_bpf_object name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR})
  set(objects)
  foreach(src IN LISTS ARG_SOURCES)
    get_filename_component(base ${src} NAME_WE)
    set(obj ${out}/${name}.${base}.o)
    add_custom_command(
      OUTPUT ${obj}
      COMMAND ${CLANG} -g -O2 -target bpf -mcpu=v2 -D__TARGET_ARCH_x86 -std=gnu11
              -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-compilation-dir=.
              -Wall -Wextra -Wshadow -Werror -Wno-unused-parameter
              -I${CMAKE_CURRENT_SOURCE_DIR} -isystem /usr/include/${WEIR_MULTIARCH}
              -MD -MF ${obj}.d -MT ${obj} -c ${CMAKE_CURRENT_SOURCE_DIR}/${src} -o ${obj}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${src}
      DEPFILE ${obj}.d
      COMMENT "BPF ${src}" VERBATIM)
    list(APPEND objects ${obj})
  endforeach()
  set(linked ${out}/${name}.bpf.o)
  set(skel ${out}/skel/${name}.skel.h)
  add_custom_command(
    OUTPUT ${skel} ${linked}
    COMMAND ${BPFTOOL} gen object ${linked} ${objects}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${out}/skel
    COMMAND ${BPFTOOL} gen skeleton ${linked} name weir_${name} > ${skel}
    DEPENDS ${objects} COMMENT "BPF skeleton ${name}" VERBATIM)
  add_custom_target(weir_bpf_${name}_gen DEPENDS ${skel})
  add_library(weir_bpf_${name} INTERFACE)
  add_dependencies(weir_bpf_${name} weir_bpf_${name}_gen)
  target_include_directories(weir_bpf_${name} SYSTEM INTERFACE ${out}/skel)
  target_link_libraries(weir_bpf_${name} INTERFACE PkgConfig::LIBBPF)
endfunction()
