// The seal of a file: what it says of all of it, its metadata, and whether the bytes are those that it speaks of.

import { BytesView } from './bytes.mjs';
import { button, h } from './dom.mjs';
import { bytes, integer, plural } from './format.mjs';
import { MetadataView } from './metadata.mjs';
import { VerifyView } from './verify.mjs';

// { element, verify }: `verify()` does what its button does.
export function sealView(engine, { seal, size, leaves }, { onVerified, onGo }) {
  const verify = new VerifyView(engine, { label: 'Verify the whole file', hasDigests: seal.tree !== undefined, onVerified, onGo });
  const element = h('div', { class: 'ex-seal' },
    factList(seal, leaves),
    h('h3', { class: 'ex-heading' }, 'Is the file whole?'),
    h('p', { class: 'ex-quiet' }, `It was opened by its index alone. To verify it, all of its ${bytes(seal.isDetached ? size : seal.offset)} are read and compared with ${plural(seal.blocks, 'checksum')}.`),
    verify.element,
    h('h3', { class: 'ex-heading' }, 'Metadata'),
    seal.entries > 0 ? new MetadataView(engine, seal.entries).element : h('p', { class: 'ex-quiet' }, 'It has none.'),
    seal.isDetached ? '' : bytesOf(engine, seal));
  return { element, verify: () => verify.run() };
}

function factList(seal, leaves) {
  const pairs = [
    ['version', seal.version],
    ['alignment', seal.isDetached ? '1, since nothing is padded' : `${integer(seal.alignment)} bytes`],
    ['checksum of all records', seal.checksum],
    ['leaves', integer(leaves)],
    ['blocks of 4 MiB', integer(seal.blocks)],
    ['seal', seal.isDetached ? `${bytes(seal.size)} in a file of its own` : `${bytes(seal.size)} from byte ${integer(seal.offset)}`],
    ['tree digest', seal.tree ?? 'none'],
  ];
  return h('dl', { class: 'ex-facts' }, pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', { class: 'ex-code' }, value))));
}

// Read when it is opened.
function bytesOf(engine, { offset }) {
  const view = new BytesView(engine);
  const details = h('details', { class: 'ex-details', ontoggle: () => {
    if (details.open && view.wanted === undefined) view.show({ place: { start: offset, as: 'seal' } });
  } }, h('summary', {}, 'The bytes of the seal'), view.element);
  return details;
}
