# SPDX-License-Identifier: Apache-2.0
# Tests that also run in the kernel matrix (tests/vm): every stock Debian kernel boots in QEMU and runs them there.

# weir_vm_test(TARGET [FILTER pattern] [FILES target|path …]): adds a GoogleTest program made by weir_test() to the
# matrix. FILTER: only these of its cases. FILES: programs (targets) and files that it opens by the same path as here.
function(weir_vm_test target)
  cmake_parse_arguments(ARG "" "FILTER" "FILES" ${ARGN})
  set(spec $<TARGET_FILE:${target}>)
  if(ARG_FILTER)
    string(APPEND spec "=${ARG_FILTER}")
  endif()
  set_property(GLOBAL APPEND PROPERTY WEIR_VM_PROGRAMS ${spec})
  set_property(GLOBAL APPEND PROPERTY WEIR_VM_TARGETS ${target})
  foreach(file IN LISTS ARG_FILES)
    if(TARGET ${file})
      set_property(GLOBAL APPEND PROPERTY WEIR_VM_TARGETS ${file})
      set(file $<TARGET_FILE:${file}>)
    endif()
    set_property(GLOBAL APPEND PROPERTY WEIR_VM_FILES --file ${file})
  endforeach()
endfunction()
