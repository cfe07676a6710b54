/* A click on a heading sorts the table by that column, another one the other way round. */
document.querySelectorAll('th').forEach((th, i) => th.onclick = () => {
  const body = th.closest('table').tBodies[0], down = th.dataset.down = +!+(th.dataset.down || 0);
  const key = r => { const v = r.cells[i].dataset.v; return v === undefined ? r.cells[i].innerText : +v; };
  const sign = down ? -1 : 1;
  [...body.rows].sort((a, b) => { const x = key(a), y = key(b); return sign * (x > y ? 1 : x < y ? -1 : 0); })
    .forEach(r => body.append(r));
});
