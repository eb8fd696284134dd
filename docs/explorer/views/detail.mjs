// One leaf or branch, or the place of a violation: its facts, its bytes, and a histogram of its values.

import { BytesView } from './bytes.mjs';
import { ChecksumsView } from './checksums.mjs';
import { button, h, tabs } from './dom.mjs';
import { bytes, integer, shape } from './format.mjs';
import { HistogramView } from './histogram.mjs';
import { totalsTable } from './totals.mjs';
import { copyPath } from './tree.mjs';
import { displayPath } from '../streamckpt/index.mjs';

export class DetailView {
  constructor(engine, { onVerified }) {
    this.engine = engine;
    this.bytes = new BytesView(engine);
    this.histogram = new HistogramView(engine);
    this.checksums = new ChecksumsView(engine, onVerified);
    const panels = [
      { id: 'bytes', label: 'Bytes', panel: h('div', {}, this.bytes.element) },
      { id: 'values', label: 'Histogram', panel: h('div', {}, this.histogram.element) },
      { id: 'checksums', label: 'Checksums', panel: h('div', {}, this.checksums.element) },
    ];
    this.head = h('div', { class: 'ex-detail-head' });
    this.body = h('div', {});
    this.tabs = tabs('Detail', panels, (id) => this.#shown(id));
    this.element = h('section', { class: 'ex-detail', 'aria-label': 'Detail', tabindex: '-1' }, this.head, this.body);
    this.head.append(h('p', { class: 'ex-quiet' }, 'Choose a leaf to see its bytes and its values.'));
  }

  async showNode(node) {
    const about = await this.engine.call('describe', { node });
    this.node = node;
    this.drawn = new Set();
    this.histogram.clear();
    this.head.replaceChildren(
      h('h3', { class: 'ex-path' }, h('bdi', {}, about.display || 'the whole tree')),
      h('p', { class: 'ex-quiet' }, aboutText(about)),
      button('Copy the key path', () => copyPath(about)));
    const { hasValues } = about;
    this.body.replaceChildren(about.isBranch ? h('div', { class: 'ex-scroll' }, totalsTable(about.totals, about.bytes)) : '', about.hasBytes ? this.tabs.element : '');
    const isOffered = { bytes: true, values: hasValues, checksums: about.hasChecksums };
    this.#offer(isOffered);
    if (!about.hasBytes) return;
    this.tabs.show(isOffered[this.tab] ? this.tab : 'bytes');
    await this.bytes.show({ node });
  }

  // The record or entry in which a violation lies.
  async showViolation({ record, offset, clause, path }) {
    this.node = undefined;
    this.histogram.clear();
    this.head.replaceChildren(
      h('h3', { class: 'ex-path' }, h('bdi', {}, path ? displayPath(path) : `${clause} at byte ${integer(offset)}`)),
      h('p', { class: 'ex-quiet' }, `from byte ${integer(record.start)} to ${integer(record.end)}${record.cut ? ', the end of the file' : ''}`));
    this.body.replaceChildren(this.tabs.element);
    this.#offer({ values: false, checksums: false });
    this.tabs.show('bytes');
    await this.bytes.show({ place: record }, { fault: offset });
  }

  #shown(id) {
    if (this.node !== undefined) this.tab = id;
    if (this.node === undefined || this.drawn.has(id)) return;
    this.drawn.add(id);
    if (id === 'values') this.histogram.show(this.node);
    if (id === 'checksums') this.checksums.show(this.node);
  }

  #offer({ values, checksums }) {
    this.tabs.setHidden('values', !values);
    this.tabs.setHidden('checksums', !checksums);
  }
}

function aboutText({ isBranch, count, kind, dtype, shape: sizes, elements, bytes: size, start, end, read }) {
  const what = isBranch ? `${integer(count)} leaves` : [kind, dtype, shape(sizes), read].filter(Boolean).join(' ');
  const amount = sizes ? `, ${integer(elements)} elements` : '';
  return `${what}${amount}, ${bytes(size)} of payload, bytes ${integer(start)} to ${integer(end)}`;
}
