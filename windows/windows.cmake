# SPDX-License-Identifier: MIT
# windows.cmake: POSIX as far as clflow uses it, on Windows, by MinGW-w64.
add_compile_definitions(__USE_MINGW_ANSI_STDIO=1 _WIN32_WINNT=0x0A00) # C99's printf; Windows 10
add_compile_options("-Dformat(kind,text,first)=format(gnu_##kind,text,first)") # attributes mean that one
include_directories(BEFORE ${CMAKE_CURRENT_SOURCE_DIR}/windows/include)
file(GLOB CLF_SYSTEM_SOURCES CONFIGURE_DEPENDS windows/*.c)
list(FILTER CLF_SYSTEM_SOURCES EXCLUDE REGEX "/start.c$")

# GCC aligns the stack to 16 bytes here and may spill vectors of 32 as if it were 32 (its bug 54412).
# The assembler writes the instructions that do not mind.
set(CLF_VARIANT_OPTIONS -Wa,-muse-unaligned-vector-move)

set(CMAKE_FIND_LIBRARY_SUFFIXES .a) # static libraries alone, with all that they need
list(APPEND PKG_CONFIG_ARGN --static)

# Last of all: what libpng and cairo call.
string(APPEND CMAKE_C_STANDARD_LIBRARIES " -lz -lssp")

# Programs begin in windows/start.c, and bring along what they need of GCC.
add_link_options(-static)
function(clf_windows_programs folder)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(t IN LISTS targets)
    get_target_property(type ${t} TYPE)
    if(type STREQUAL EXECUTABLE)
      target_sources(${t} PRIVATE ${PROJECT_SOURCE_DIR}/windows/start.c)
      target_link_options(${t} PRIVATE -municode)
    endif()
  endforeach()
  get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(f IN LISTS below)
    clf_windows_programs(${f})
  endforeach()
endfunction()
