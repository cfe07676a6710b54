# SPDX-License-Identifier: MIT
# operations.cmake: derives file names from ops.def, the single list of operations.
set(defs ${CMAKE_CURRENT_SOURCE_DIR}/include/clflow/ops.def)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${defs})
file(STRINGS ${defs} rows REGEX "^CLF_OP\\(")
foreach(row IN LISTS rows)
  string(REGEX REPLACE "^CLF_OP\\(([a-z0-9_]+).*" "\\1" stem "${row}")
  list(APPEND stems ${stem})
endforeach()
list(REMOVE_DUPLICATES stems)
foreach(s IN LISTS stems)
  # Long sources continue in files whose names begin with the stem.
  file(GLOB more RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS cpu_ref/${s}_*.c)
  list(SORT more)
  list(APPEND references cpu_ref/${s}.c ${more})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/cl/${s}.c) # rows of ops.def that say BY_HOST
    list(APPEND launches cl/${s}.c)
  endif()
  file(GLOB more CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cl/${s}.cl ${CMAKE_CURRENT_SOURCE_DIR}/cl/${s}_*.cl)
  list(SORT more)
  list(APPEND kernels ${more})
  if(NOT more)
    message(FATAL_ERROR "ops.def names \"${s}\": cl/${s}.cl is missing")
  endif()
  list(APPEND cases cases/${s}.c)
  foreach(f cpu_ref/${s}.c tests/cases/${s}.c)
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${f})
      message(FATAL_ERROR "ops.def names \"${s}\": ${f} is missing")
    endif()
  endforeach()
endforeach()

# Headers of kernels are included by name only, so their names are unique.
file(GLOB texts RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS cl/*.clh)
list(SORT texts)
list(APPEND texts cl/plans.h include/clflow/ops.def include/clflow/columns.def include/clflow/choices.def
    include/clflow/scales.def include/clflow/splines.def include/clflow/activations.def
    runtime/core/special.def runtime/core/box_muller.def runtime/core/winograd.def
    runtime/core/bounds.def runtime/core/on_grid.def)
list(TRANSFORM texts PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
list(APPEND texts ${kernels})
set(embedded ${CMAKE_CURRENT_BINARY_DIR}/sources.c)
add_custom_command(OUTPUT ${embedded}
  COMMAND ${CMAKE_COMMAND} "-DOUT=${embedded}" "-DIN=${texts}" -DHEADER=sources.h
    "-DTABLE=clf_source clf__sources" -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${texts} cmake/embed.cmake VERBATIM)

# The C functions that exported flows are made of, and the Python module of all flows.
file(GLOB export_texts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/layers/export/text/*.c.in
  ${CMAKE_CURRENT_SOURCE_DIR}/layers/export/text/*.py.in)
list(SORT export_texts)
set(embedded_export ${CMAKE_CURRENT_BINARY_DIR}/export_texts.c)
add_custom_command(OUTPUT ${embedded_export}
  COMMAND ${CMAKE_COMMAND} "-DOUT=${embedded_export}" "-DIN=${export_texts}" -DHEADER=c_texts.h
    "-DTABLE=clf__c_text clf__c_texts" -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${export_texts} cmake/embed.cmake VERBATIM)
