# SPDX-License-Identifier: MIT
# install.cmake: headers, libraries, the program, pkg-config files and a CMake package.
set(installed clflow clflow_static)
if(CLF_TOOLS)
  list(APPEND installed clflow_plot)
  install(TARGETS clflow_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(TARGET clflow_manual)
    set(manual ${CMAKE_CURRENT_BINARY_DIR}/manual)
    install(DIRECTORY ${manual}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
    install(FILES ${manual}/completion/clflow
      DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${manual}/completion/_clflow DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES ${manual}/completion/clflow.fish
      DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  endif()
endif()
install(TARGETS clflow_probe RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/clflow)
if(CLF_MPI_MODULES)
  install(TARGETS ${CLF_MPI_MODULES} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/clflow)
endif()
install(TARGETS ${installed} EXPORT clflowTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/clflow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/clflow)
install(EXPORT clflowTargets NAMESPACE clflow:: DESTINATION ${package})
configure_package_config_file(cmake/clflowConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/clflowConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/clflowConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/clflowConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/clflowConfigVersion.cmake DESTINATION ${package})

# The pkg-config files derive their prefix from their own location, so `cmake --install --prefix`
# and a moved tree work; the private libraries are for static linking.
file(RELATIVE_PATH CLF_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" CLF_PC_PREFIX "${CLF_PC_PREFIX}")
set(CLF_PC_LIBS "-ljansson -lpng -ljpeg -lz -pthread -lm")
if(CLF_OPENCL STREQUAL link)
  string(PREPEND CLF_PC_LIBS "-lOpenCL ")
  if(CLF_CLBLAST IN_LIST CLF_BACKEND_DEFINITIONS)
    string(PREPEND CLF_PC_LIBS "-lclblast ")
  endif()
endif()
foreach(l IN LISTS CMAKE_DL_LIBS)
  string(APPEND CLF_PC_LIBS " -l${l}")
endforeach()
if(CBLAS_FOUND)
  string(PREPEND CLF_PC_LIBS "-lcblas ")
endif()
foreach(pc clflow clflow-plot)
  configure_file(cmake/${pc}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${pc}.pc @ONLY)
  if(pc STREQUAL clflow OR CLF_TOOLS)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${pc}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endforeach()
