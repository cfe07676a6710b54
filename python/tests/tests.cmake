# SPDX-License-Identifier: MIT
# tests.cmake: the Python package against the library of this build, where there is a Python 3.9 or later with numpy and pytest.
# scripts/test-more python tests the wheel.
add_test(NAME python/bindings COMMAND ${PROJECT_SOURCE_DIR}/scripts/bindings --check)
foreach(candidate python3 /usr/bin/python3)
  execute_process(COMMAND ${candidate} -c "import sys, numpy, pytest; sys.exit(sys.version_info < (3, 9))"
    RESULT_VARIABLE lacks OUTPUT_QUIET ERROR_QUIET)
  if(lacks EQUAL 0)
    add_test(NAME python/quick COMMAND ${candidate} -m pytest -q -p no:cacheprovider ${PROJECT_SOURCE_DIR}/python/tests/quick)
    set_tests_properties(python/quick PROPERTIES ENVIRONMENT
      "CLFLOW_LIBRARY=$<TARGET_FILE:clflow>;CLFLOW_PROGRAM=$<TARGET_FILE:clflow_program>;PYTHONPATH=${PROJECT_SOURCE_DIR}/python;PYTHONDONTWRITEBYTECODE=1")
    break()
  endif()
endforeach()
if(NOT TEST python/quick)
  message(STATUS "The tests of the Python package are left out: no Python with numpy and pytest (Debian, Ubuntu: python3-numpy, python3-pytest)")
endif()
