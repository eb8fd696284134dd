// Reads files beside the page, so that the page stays quick. Takes { id, name, ...arguments } and answers { id, result }
// or { id, error }, and { id, progress } in between.

import { blobOrigin, sealOrigin, urlOrigin } from './reading/origins.mjs';
import { Session, Stopped } from './reading/session.mjs';

const REPORT_EVERY = 100; // milliseconds
const stopped = new Set(); // ids of calls to give up
let session;

const calls = {
  async open({ id, file, seal, url, base, elsewhere, as }) {
    const onWhole = (fetched, size) => postMessage({ id, progress: { fetched, size } });
    const origin = file ? blobOrigin(file) : await urlOrigin(url, base, elsewhere, onWhole);
    const beside = file ? seal && blobOrigin(seal) : () => sealOrigin(url, base, elsewhere);
    session = new Session(origin, beside);
    const { slices, tree } = session;
    const report = () => ({ at: slices.size, size: slices.size, bytesRead: slices.bytesRead, nodes: tree.size });
    return session.read({ as, tick: ticker(id, (at) => ({ ...report(), at })) });
  },

  rows: ({ start, end }) => session.rows.slice(start, end),
  view: (wanted) => session.rows.set(wanted),
  reveal: ({ node }) => ({ at: session.rows.reveal(node), count: session.rows.count() }),
  toggle({ node, isOpen }) {
    session.rows.toggle(node, isOpen);
    return { count: session.rows.count(), at: session.rows.indexOf(node) };
  },
  toggleAll({ isOpen }) {
    session.rows.toggleAll(isOpen);
    return session.rows.count();
  },
  describe: ({ node }) => session.describe(node),
  blocks: ({ node }) => session.blocks(node),
  checksums: (wanted) => session.checksums(wanted),
  metadata: (wanted) => session.metadata(wanted),
  metadataText: (wanted) => session.metadataText(wanted),
  verify: ({ id, node, withDigests }) => session.verify({ node, withDigests, tick: ticker(id, (done, total) => ({ done, total })) }),
  nodeAt: ({ offset }) => session.nodeAt(offset),
  annotate: (wanted) => session.annotate(wanted),
  bytes: (wanted) => session.bytes(wanted),
  histogram: ({ id, node, all, part }) => session.histogram({ node, all, part, tick: ticker(id, (done, total) => ({ done, total })) }),
};

// Called often with what has been done. Tells the page now and then, and lets it say that it wants no more.
function ticker(id, report) {
  let last = performance.now();
  return async (...done) => {
    const now = performance.now();
    if (now - last < REPORT_EVERY) return;
    last = now;
    postMessage({ id, progress: report(...done) });
    await new Promise((resolve) => setTimeout(resolve));
    if (stopped.has(id)) throw new Stopped(done[0]);
  };
}

onmessage = async ({ data: { id, name, ...wanted } }) => {
  if (name === 'stop') return void stopped.add(wanted.call);
  try {
    postMessage({ id, result: await calls[name]({ id, ...wanted }) });
  } catch (error) {
    postMessage({ id, error: { name: error.name, message: error.message, isStop: error instanceof Stopped } });
  }
  stopped.delete(id);
};
