# SPDX-License-Identifier: MIT
# small.cmake: a library of what an embedder needs: without OpenCL, images, training, or instruction sets
# to choose from.  It is static, and comes without the program and the tests, which need everything.
option(CLF_IMAGES "read images, and flows of them" ON)
option(CLF_TRAIN "train, fit, tune, import and export flows" ON)
option(CLF_VARIANTS "float for several instruction sets, and double; OFF: float as the compiler's options have it" ON)

set(CLF_SMALL OFF)
set(CLF_SMALL_DEFINITIONS "")
if(NOT CLF_OPENCL)
  list(APPEND CLF_SMALL_DEFINITIONS CLF_NO_OPENCL)
endif()
foreach(part IMAGES TRAIN)
  if(NOT CLF_${part})
    list(APPEND CLF_SMALL_DEFINITIONS CLF_NO_${part})
  endif()
endforeach()
if(CLF_SMALL_DEFINITIONS OR NOT CLF_VARIANTS)
  set(CLF_SMALL ON)
  list(APPEND CLF_SMALL_DEFINITIONS CLF_SMALL) # no help texts, no checks of the shapes of operations
  set(CLF_TOOLS OFF)
  set(CLF_TESTS OFF)
  # A program's linker drops what it does not call; nothing unwinds C.
  add_compile_options(-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-math-errno -Wno-unused-function)
  if(CMAKE_C_COMPILER_ID MATCHES Clang OR (CMAKE_C_COMPILER_ID STREQUAL GNU AND CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 12))
    add_compile_options($<$<CONFIG:MinSizeRel>:-Oz>) # smaller than -Os
  endif()
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
endif()

# Takes the files of what is left out from the list.
macro(clf_small_sources list)
  if(NOT CLF_OPENCL)
    list(FILTER ${list} EXCLUDE REGEX "^runtime/opencl/|^runtime/tuning/tune[.]c")
    list(APPEND ${list} runtime/opencl/cache.c runtime/opencl/absent.c)
    set(launches "")
    set(embedded "")
  endif()
  if(NOT CLF_VARIANTS)
    list(FILTER ${list} EXCLUDE REGEX "^runtime/core/(check|selftest)[.]c|^layers/export/")
    set(embedded_export "")
  endif()
  if(NOT CLF_IMAGES)
    list(FILTER ${list} EXCLUDE REGEX "^data/images/|^layers/flow/use_images[.]c|^layers/train/source_images[.]c|^layers/layer/(image_coupling|squeeze|pixels)[.]c|^layers/net/(convresnet|wn_resnet)[.]c")
  endif()
  if(NOT CLF_TRAIN)
    list(FILTER ${list} EXCLUDE REGEX
      "^layers/(train|fit|mixture|density|import|export)/|^runtime/(group|tuning/tune[.]c)")
    set(embedded_export "")
  endif()
endmacro()
