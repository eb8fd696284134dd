// What the treemap shows of a branch: its children, and theirs, with the small ones put together.

const MOST = 60; // blocks of one branch
const LEAST = 1 / 4000; // of the whole, below which a block is too small to be seen

export function blocksOf(tree, root, sizeOf = (n) => tree.bytes.get(n)) {
  const total = sizeOf(root);
  return {
    node: root,
    path: tree.displayOf(root),
    bytes: total,
    count: tree.count.get(root),
    children: blocksIn(tree, root, total, sizeOf, 2),
  };
}

function blocksIn(tree, root, total, sizeOf, levels) {
  const children = [...tree.childrenOf(root)].filter((n) => sizeOf(n) > 0);
  children.sort((a, b) => sizeOf(b) - sizeOf(a));
  const shown = children.filter((n, at) => at < MOST && sizeOf(n) >= total * LEAST);
  const blocks = shown.map((n) => blockOf(tree, n, total, sizeOf, levels));
  const rest = children.slice(shown.length);
  if (rest.length > 0) {
    const bytes = rest.reduce((sum, n) => sum + sizeOf(n), 0);
    const count = rest.reduce((sum, n) => sum + tree.count.get(n), 0);
    blocks.push({ node: undefined, name: `${rest.length.toLocaleString('en')} more`, bytes, count, children: [], dtypes: [] });
  }
  return blocks;
}

function blockOf(tree, n, total, sizeOf, levels) {
  const isBranch = tree.isBranch(n);
  const inner = isBranch && levels > 1 ? blocksIn(tree, n, total, sizeOf, levels - 1) : [];
  return {
    node: n,
    name: tree.names[n],
    path: tree.displayOf(n),
    bytes: sizeOf(n),
    count: tree.count.get(n),
    isBranch,
    shape: tree.shapeOf(n)?.map(String),
    dtypes: inner.length > 0 ? [] : dtypesOf(tree, n),
    children: inner,
  };
}

// The names of the dtypes or kinds below a node, the largest first.
function dtypesOf(tree, n) {
  return tree.totalsOf(n).map(({ name }) => name);
}
