# SPDX-License-Identifier: MIT
# offline-table.awk FAMILIES KERNELS.TSV: a line for each GPU and family; fails if a kernel
# of a family for GPUs spills, and names it.
FNR == 1 { file++ }
file == 1 { lanes[$1] = $2; next }
FNR == 1 { FS = "\t"; next }
{
  key = $1 " | " $2 " | " $3
  if (!(key in kernels)) keys[++count] = key
  kernels[key]++
  if ($5 + 0 > most[key] + 0) {
    most[key] = $5
    who[key] = $4
  }
  if ($7 + 0 > memory[key] + 0) memory[key] = $7
  if ($6 + 0 > 0) {
    spills[key]++
    if (lanes[$3] == 1) bad[++bads] = $2 ", " $3 ": " $4 " keeps " $6 " bytes in memory"
  }
}
END {
  print "| compiler | GPU | family | kernels | most registers | kernels that spill | most local memory |"
  print "|---|---|---|---|---|---|---|"
  for (i = 1; i <= count; i++) {
    k = keys[i]
    printf "| %s | %d | %s | %d | %d B |\n", k, kernels[k], \
      most[k] != "" ? most[k] " (" who[k] ")" : "not reported", spills[k], memory[k]
  }
  for (i = 1; i <= bads; i++) print "offline-compile: " bad[i] > "/dev/stderr"
  exit bads > 0
}
