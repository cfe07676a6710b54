# SPDX-License-Identifier: MIT
# need.cmake: reports all missing dependencies at once, and how to install them.
foreach(list NAMES DEBIAN FEDORA BREW)
  set(CLF_MISSING_${list} "")
endforeach()

# Records a dependency as missing unless FOUND, with its packages on Debian, Fedora and macOS ("":
# no package is needed).
macro(clf_need found what debian fedora brew)
  if(NOT ${found})
    list(APPEND CLF_MISSING_NAMES "${what}")
    string(REPLACE " " ";" packages "${debian}")
    list(APPEND CLF_MISSING_DEBIAN ${packages})
    string(REPLACE " " ";" packages "${fedora}")
    list(APPEND CLF_MISSING_FEDORA ${packages})
    string(REPLACE " " ";" packages "${brew}")
    list(APPEND CLF_MISSING_BREW ${packages})
  endif()
endmacro()

# Finds the library MODULE of pkg-config: defines the target PkgConfig::PREFIX or records it as
# missing.
macro(clf_need_module prefix module what debian fedora brew)
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${module})
  set(why "")
  if(NOT ${prefix}_FOUND) # perhaps for want of a library that it needs itself
    execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --print-errors --exists ${module} ERROR_VARIABLE why)
    string(REGEX MATCH "Package '[^']+', required by '[^']+', not found" why "${why}")
    string(REGEX REPLACE "(.+)" " (\\1)" why "${why}")
  endif()
  clf_need(${prefix}_FOUND "${what}${why}" "${debian}" "${fedora}" "${brew}")
endmacro()

# Stops if anything is missing.
function(clf_refuse_missing)
  if(NOT CLF_MISSING_NAMES)
    return()
  endif()
  list(JOIN CLF_MISSING_NAMES "\n  " names)
  list(JOIN CLF_MISSING_DEBIAN " " debian)
  list(JOIN CLF_MISSING_FEDORA " " fedora)
  list(JOIN CLF_MISSING_BREW " " brew)
  message(FATAL_ERROR "clflow needs what is not installed:\n  ${names}\n"
    "Install it, then run cmake again:\n"
    "  Debian, Ubuntu:  sudo apt install ${debian}\n"
    "  Fedora:          sudo dnf install ${fedora}\n"
    "  macOS:           brew install ${brew}\n")
endfunction()
