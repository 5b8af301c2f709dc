// Sorts a table by the column whose head is pressed; a second press turns the order around. Cells without a figure stay last.
for (const button of document.querySelectorAll('table.sortable thead button')) {
  button.addEventListener('click', () => {
    const head = button.closest('th'), table = head.closest('table'), body = table.tBodies[0];
    const order = head.ariaSort === null ? head.dataset.first : head.ariaSort === 'ascending' ? 'descending' : 'ascending';
    const sign = order === 'ascending' ? 1 : -1;
    const valueOf = row => row.cells[head.cellIndex].dataset.v;
    const compare = (a, b) => {
      const [x, y] = [valueOf(a), valueOf(b)];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return sign * (head.cellIndex === 0 ? x.localeCompare(y) : x - y);
    };
    for (const other of head.parentElement.cells) other.ariaSort = null;
    head.ariaSort = order;
    body.append(...[...body.rows].sort(compare));
  });
}

// Enlarges a function of a flame graph to the whole width, with its callers above it.
for (const graph of document.querySelectorAll('.flames')) {
  graph.addEventListener('click', event => {
    const pressed = event.target.closest('.frame');
    if (pressed === null) return;
    for (const frame of graph.querySelectorAll('.large')) frame.classList.remove('large');
    for (let frame = pressed; frame !== null; frame = frame.parentElement.closest('.frame')) frame.classList.add('large');
  });
}
