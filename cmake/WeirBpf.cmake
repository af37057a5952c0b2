# SPDX-License-Identifier: Apache-2.0
# BPF objects and skeletons.
find_program(CLANG NAMES clang-14 clang REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin REQUIRED)
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch OUTPUT_VARIABLE WEIR_MULTIARCH
                OUTPUT_STRIP_TRAILING_WHITESPACE)
# As libbpf's headers call it.
set(WEIR_BPF_ARCH_x86_64 x86)
set(WEIR_BPF_ARCH_aarch64 arm64)

# weir_bpf_object(NAME SOURCES a.bpf.c …): compiles each source, links them to NAME.bpf.o and generates
# NAME.skel.h. Target weir_bpf_NAME (interface library) gives the include directory.
function(weir_bpf_object name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  set_property(GLOBAL PROPERTY WEIR_BPF_${name} ${ARG_SOURCES})
  weir_bpf_skeleton(${name} weir_bpf_${name} v2)
endfunction()

# weir_bpf_skeleton(NAME TARGET CPU): what weir_bpf_object(NAME) names, in this folder, of instructions for CPU.
function(weir_bpf_skeleton name target cpu)
  set(out ${CMAKE_CURRENT_BINARY_DIR})
  get_property(sources GLOBAL PROPERTY WEIR_BPF_${name})
  set(objects)
  foreach(src IN LISTS sources)
    get_filename_component(base ${src} NAME_WE)
    get_filename_component(folder ${src} DIRECTORY)
    set(obj ${out}/${name}.${base}.o)
    add_custom_command(
      OUTPUT ${obj}
      COMMAND ${CLANG} -g -O2 -target bpf -mcpu=${cpu} -D__TARGET_ARCH_${WEIR_BPF_ARCH_${CMAKE_SYSTEM_PROCESSOR}} -std=gnu11
              -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-compilation-dir=.
              -Wall -Wextra -Wshadow -Werror -Wno-unused-parameter
              -I${folder} -isystem /usr/include/${WEIR_MULTIARCH}
              -MD -MF ${obj}.d -MT ${obj} -c ${src} -o ${obj}
      DEPENDS ${src}
      DEPFILE ${obj}.d
      COMMENT "BPF ${base} (${cpu})" VERBATIM)
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
  add_custom_target(${target}_gen DEPENDS ${skel})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_gen)
  target_include_directories(${target} SYSTEM INTERFACE ${out}/skel)
  target_link_libraries(${target} INTERFACE PkgConfig::LIBBPF)
endfunction()
