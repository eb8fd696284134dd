// Boxes in proportion to sizes, as square as they can be (Bruls, Huizing and van Wijk, "Squarified Treemaps").

// `blocks` have `bytes`, the largest first, and are not empty. Gives a box { x, y, width, height } for each.
export function squarify(blocks, { x, y, width, height }) {
  const total = blocks.reduce((sum, block) => sum + block.bytes, 0);
  const areas = blocks.map((block) => (total > 0 ? (block.bytes / total) * width * height : 0));
  const boxes = [];
  let free = { x, y, width, height };
  for (let start = 0; start < areas.length; ) {
    const side = Math.min(free.width, free.height);
    let end = start + 1;
    while (end < areas.length && worst(areas, start, end + 1, side) <= worst(areas, start, end, side)) end++;
    free = placeRow(areas.slice(start, end), free, boxes);
    start = end;
  }
  return boxes;
}

// The least square of a row: its greatest ratio of sides.
function worst(areas, start, end, side) {
  let [sum, least, most] = [0, Infinity, 0];
  for (let n = start; n < end; n++) {
    sum += areas[n];
    least = Math.min(least, areas[n]);
    most = Math.max(most, areas[n]);
  }
  return Math.max((side * side * most) / (sum * sum), (sum * sum) / (side * side * least));
}

function placeRow(row, free, boxes) {
  const sum = row.reduce((total, area) => total + area, 0);
  const isTall = free.width >= free.height; // the row is a column at the left
  const side = isTall ? free.height : free.width;
  const depth = side > 0 ? sum / side : 0;
  let at = 0;
  for (const area of row) {
    const length = depth > 0 ? area / depth : 0;
    boxes.push(isTall ? { x: free.x, y: free.y + at, width: depth, height: length } : { x: free.x + at, y: free.y, width: length, height: depth });
    at += length;
  }
  return isTall
    ? { ...free, x: free.x + depth, width: Math.max(0, free.width - depth) }
    : { ...free, y: free.y + depth, height: Math.max(0, free.height - depth) };
}
