# SPDX-License-Identifier: MIT
# install_small.cmake: headers, the static library, and what pkg-config --static says of it.
install(TARGETS clflow_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/clflow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
file(RELATIVE_PATH CLF_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" CLF_PC_PREFIX "${CLF_PC_PREFIX}")
set(CLF_PC_LIBS "-ljansson -lz -pthread -lm")
if(CLF_IMAGES)
  string(PREPEND CLF_PC_LIBS "-lpng -ljpeg ")
endif()
configure_file(cmake/clflow.pc.in ${CMAKE_CURRENT_BINARY_DIR}/clflow.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/clflow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
