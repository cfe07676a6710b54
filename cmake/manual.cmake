# SPDX-License-Identifier: MIT
# manual.cmake: cmake -DPROGRAM=clflow -DFOLDER=F -P manual.cmake: writes man pages and shell
# completion, which the program prints, to F/man1 and F/completion.
function(print_to file)
  execute_process(COMMAND ${PROGRAM} help ${ARGN} OUTPUT_FILE ${FOLDER}/${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(MAKE_DIRECTORY ${FOLDER}/man1 ${FOLDER}/completion)
execute_process(COMMAND ${PROGRAM} help OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "\n\n`clflow VERB.*" "" verbs "${text}") # what follows explains topics
string(REGEX MATCHALL "\n  [a-z-]+" verbs "${verbs}")
print_to(man1/clflow.1 --man)
foreach(verb IN LISTS verbs)
  string(STRIP "${verb}" verb)
  print_to(man1/clflow-${verb}.1 ${verb} --man)
endforeach()
print_to(completion/clflow --completion bash)
print_to(completion/_clflow --completion zsh)
print_to(completion/clflow.fish --completion fish)
