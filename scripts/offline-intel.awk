# SPDX-License-Identifier: MIT
# offline-intel.awk: reads kernels' resources from PTM.txt of `ocloc disasm`: for each kernel
# "patch tokens" by number (patch_list.h of Intel's compute runtime): 15 has the local memory, 18 the
# scratch memory of a thread, 23 properties of threads.
function hex(s, n, i) {
  n = 0
  for (i = 1; i <= length(s); i++) n = 16 * n + index("0123456789abcdef", substr(s, i, 1)) - 1
  return n
}
# The little-endian number of 4 bytes in the fields from byte `at` on; field 1 is "Hex".
function number(at) {
  return hex($(at + 2)) + 256 * (hex($(at + 3)) + 256 * (hex($(at + 4)) + 256 * hex($(at + 5))))
}
BEGIN { OFS = "\t" }
$1 == "KernelName" { name = $2; local = 0; scratch = 0 }
$2 == "Token" { token = $3 }
$1 == "Hex" && token == 15 { local = number(4) }
$1 == "Hex" && token == 18 { scratch = number(4) }
$1 == "Hex" && token == 23 { simd = number(12) }
$1 == "Kernel" { if (name) print name, "-", scratch, local, "SIMD" simd; name = "" }
END { if (name) print name, "-", scratch, local, "SIMD" simd }
