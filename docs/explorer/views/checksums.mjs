// The checksums of a leaf, block by block, and its digest.

import { button, h } from './dom.mjs';
import { integer, plural } from './format.mjs';
import { VerifyView } from './verify.mjs';

const PAGE = 200; // blocks

export class ChecksumsView {
  // `onVerified(result)` is called when the leaf has been verified.
  constructor(engine, onVerified) {
    Object.assign(this, { engine, onVerified });
    this.element = h('div', { class: 'ex-checksums' });
  }

  async show(node) {
    const call = (this.call = {});
    this.element.replaceChildren();
    const { blocks, count, records, digest } = await this.engine.call('checksums', { node, from: 0, to: PAGE });
    if (call !== this.call) return;
    const rows = h('tbody', {});
    const verify = new VerifyView(this.engine, { node, label: 'Verify this leaf', hasDigests: digest !== undefined, onVerified: (result) => {
      mark(rows, result.faults);
      this.onVerified(result);
    } });
    const more = h('p', {});
    this.element.replaceChildren(
      verify.element,
      digest && h('p', {}, h('span', { class: 'ex-quiet' }, 'digest '), h('span', { class: 'ex-code' }, digest)),
      records > 1 ? h('p', { class: 'ex-quiet' }, `It is stored in ${plural(records, 'part')}.`) : '',
      h('div', { class: 'ex-scroll' }, h('table', { class: 'ex-table' },
        h('thead', {}, h('tr', {}, ['block', 'from byte', 'bytes', 'CRC-32C'].map((name) => h('th', { scope: 'col' }, name)))), rows)),
      more);
    this.#add(node, rows, more, { blocks, count, records }, 0);
  }

  #add(node, rows, more, { blocks, count, records }, from) {
    rows.append(...blocks.map(({ record, n, start, length, sum }) => h('tr', { 'data-start': start },
      h('th', { scope: 'row' }, records > 1 ? `${integer(record)}.${integer(n)}` : integer(n)), h('td', {}, integer(start)), h('td', {}, integer(length)), h('td', { class: 'ex-code' }, sum))));
    const next = from + blocks.length;
    more.replaceChildren(next < count ? button(`Show more of ${integer(count)} blocks`, async () => {
      this.#add(node, rows, more, await this.engine.call('checksums', { node, from: next, to: next + PAGE }), next);
    }, { class: 'ex-link' }) : '');
  }
}

function mark(rows, faults) {
  const damaged = new Set(faults.filter(({ block }) => block !== undefined).map(({ start }) => String(start)));
  for (const row of rows.children) row.classList.toggle('ex-run--fault', damaged.has(row.dataset.start));
}
