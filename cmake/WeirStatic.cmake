# SPDX-License-Identifier: Apache-2.0
# Programs without a shared library, for hosts whose libraries are older than those of the machine that builds
# (preset `static`). From the distribution's own archives: its CMake packages name the shared ones.
option(WEIR_STATIC "Link everything statically, glibc too" OFF)

# Debian has no archives of spdlog and fmt; their headers alone do.
set(WEIR_SPDLOG spdlog::spdlog$<$<BOOL:${WEIR_STATIC}>:_header_only>)

# Before packages are looked for: those that search for libraries find archives.
if(WEIR_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -static-pie")
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(OPENSSL_USE_STATIC_LIBS TRUE)
  set(Protobuf_USE_STATIC_LIBS TRUE)
endif()

# weir_use_archives(): after packages were found. Imported libraries whose archive lies beside them are linked by that.
function(weir_use_archives)
  if(NOT WEIR_STATIC)
    return()
  endif()
  get_directory_property(targets IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
    foreach(configuration IN LISTS configurations)
      get_target_property(location ${target} IMPORTED_LOCATION_${configuration})
      if(NOT location MATCHES "\\.so")
        continue()
      endif()
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive ${location})
      if(EXISTS ${archive})
        set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_${configuration} ${archive}
                              IMPORTED_SONAME_${configuration} "" IMPORTED_LINK_DEPENDENT_LIBRARIES_${configuration} "")
      endif()
    endforeach()
  endforeach()
  set_property(TARGET spdlog::spdlog_header_only PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads fmt::fmt-header-only)
  # What the archives need in turn, and their packages say for the shared ones only by being linked.
  set_property(TARGET PkgConfig::LIBBPF APPEND PROPERTY INTERFACE_LINK_LIBRARIES elf z)
  set_property(TARGET PkgConfig::IDN2 APPEND PROPERTY INTERFACE_LINK_LIBRARIES unistring)
  set_property(TARGET PkgConfig::PSL APPEND PROPERTY INTERFACE_LINK_LIBRARIES idn2 unistring)
endfunction()
