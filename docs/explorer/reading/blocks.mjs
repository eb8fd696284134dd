// What the treemap shows of a branch: what is below it, level by level where there is room, the small put together.

const MOST = 60; // blocks of one branch
const LEAST = 1 / 4000; // of the whole, below which a block is too small to be seen
const LARGE = 1 / 60; // of the whole, from which a branch shows what is in it
const LEVELS = 6;

export function blocksOf(tree, root) {
  const total = tree.bytes.get(root);
  const about = { node: root, path: tree.displayOf(root), bytes: total, count: tree.count.get(root) };
  return { ...about, children: blocksIn(tree, root, total, LEVELS) };
}

function blocksIn(tree, root, total, levels) {
  const children = [...tree.childrenOf(root)].filter((n) => tree.bytes.get(n) > 0);
  children.sort((a, b) => tree.bytes.get(b) - tree.bytes.get(a));
  const isSeen = (n, at) => at < MOST && tree.bytes.get(n) >= total * LEAST;
  const shown = children.filter(isSeen);
  const blocks = shown.map((n) => blockOf(tree, n, total, levels));
  const rest = children.slice(shown.length);
  if (rest.length > 0) {
    const sum = (column) => rest.reduce((amount, n) => amount + column.get(n), 0);
    const name = `${rest.length.toLocaleString('en')} more`;
    blocks.push({ node: undefined, name, bytes: sum(tree.bytes), count: sum(tree.count), children: [], dtypes: [] });
  }
  return blocks;
}

// A branch with a single child is shown as that child, by both names.
function blockOf(tree, first, total, levels) {
  let n = first;
  while (tree.isBranch(n) && tree.first.get(n) && !tree.next.get(tree.first.get(n))) n = tree.first.get(n);
  const isBranch = tree.isBranch(n);
  const isLarge = levels > 1 && tree.bytes.get(n) >= total * LARGE;
  const children = isBranch && isLarge ? blocksIn(tree, n, total, levels - 1) : [];
  return {
    node: n,
    name: tree.displayOf(n).slice(prefixLength(tree, first)),
    bytes: tree.bytes.get(n),
    count: tree.count.get(n),
    isBranch,
    shape: tree.shapeOf(n)?.map(String),
    dtypes: tree.totalsOf(n).slice(0, 3).map(({ name }) => name), // the largest first
    children,
  };
}

function prefixLength(tree, n) {
  const above = tree.displayOf(tree.parent.get(n));
  return tree.parent.get(n) > 0 ? above.length + 1 : 0;
}
