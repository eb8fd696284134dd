// The tree as a table that opens and closes (the ARIA pattern of a treegrid). One element has the focus, and tells
// which row is active, so that rows may come and go as the list scrolls.

import { announce, button, copy, h } from './dom.mjs';
import { bytes, family, integer, plural, shape } from './format.mjs';
import { VirtualList } from './list.mjs';

const KEYS = new Set(['ArrowDown', 'ArrowUp', 'ArrowRight', 'ArrowLeft', 'PageDown', 'PageUp', 'Home', 'End', 'Enter', ' ', 'c']);
const TYPING = 150; // milliseconds to wait for the next letter of a filter

export class TreeView {
  #active = 0;
  #keys = Promise.resolve();
  #selected;
  filter = '';

  constructor(engine, { onSelect, count, leaves }) {
    Object.assign(this, { engine, onSelect, leaves });
    this.grid = h('div', {
      class: 'ex-tree', role: 'treegrid', tabindex: '0', 'aria-label': 'Key paths', 'aria-colcount': '5',
      onkeydown: (event) => this.#key(event), onfocus: () => this.#mark(),
    });
    this.list = new VirtualList(this.grid, {
      fetch: (start, end) => engine.call('rows', { start, end }),
      draw: (row, n) => this.#draw(row, n),
    });
    this.status = h('span', { class: 'ex-quiet', role: 'status' }, plural(leaves, 'leaf', 'leaves'));
    this.element = h('div', {}, this.#toolbar(), this.#heads(), this.grid);
    this.#setCount(count);
  }

  #toolbar() {
    let timer;
    const filter = h('input', {
      type: 'search', class: 'ex-input', placeholder: 'Filter: text, or */kernel', 'aria-label': 'Filter key paths',
      oninput: () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.#view({ filter: filter.value }), TYPING);
      },
    });
    const sort = h('select', { class: 'ex-input', 'aria-label': 'Order', onchange: () => this.#view({ sort: sort.value }) },
      [['file', 'file order'], ['size', 'largest first'], ['name', 'by name']].map(([value, text]) => h('option', { value }, text)));
    const flat = h('input', { type: 'checkbox', onchange: () => this.#view({ flat: flat.checked }) });
    return h('div', { class: 'ex-toolbar' }, filter, sort, h('label', { class: 'ex-check' }, flat, 'flat'),
      button('Open all', () => this.#toggleAll(true)), button('Close all', () => this.#toggleAll(false)), this.status);
  }

  #heads() {
    const names = ['key path', 'dtype', 'shape', 'size', 'offset'];
    return h('div', { class: 'ex-row ex-row--head', 'aria-hidden': 'true' }, names.map((name) => h('span', { class: `ex-cell ex-cell--${name.split(' ')[0]}` }, name)));
  }

  async #view(wanted) {
    this.filter = wanted.filter ?? this.filter;
    const { rows, leaves } = await this.engine.call('view', wanted);
    this.#active = 0;
    this.grid.scrollTop = 0;
    await this.#setCount(rows);
    const all = plural(this.leaves, 'leaf', 'leaves');
    this.status.textContent = this.filter ? `${integer(leaves)} of ${all}` : all;
  }

  async #toggleAll(isOpen) {
    this.#active = 0;
    await this.#setCount(await this.engine.call('toggleAll', { isOpen }));
  }

  async #setCount(count) {
    this.grid.setAttribute('aria-rowcount', count);
    await this.list.setCount(count);
    this.#mark();
  }

  #draw(row, n) {
    const { depth, name, isBranch, isOpen, isDamaged, count, kind, dtype } = row;
    const shown = name === '' ? '\u201c\u201d' : name;
    const type = isBranch ? plural(count, 'leaf', 'leaves') : dtype ?? kind;
    return h('div', {
      class: isDamaged ? 'ex-row ex-row--damaged' : 'ex-row', role: 'row', id: `ex-row-${n}`, 'aria-level': depth + 1, 'aria-rowindex': n + 1,
      'aria-expanded': isBranch ? String(isOpen) : undefined, 'aria-selected': String(row.node === this.#selected),
      'data-active': n === this.#active, onclick: (event) => this.#click(event, row, n),
    },
    h('span', { class: 'ex-cell ex-cell--key', role: 'gridcell', title: shown },
      indent(depth),
      h('span', { class: 'ex-twist', 'aria-hidden': 'true' }, isBranch ? (isOpen ? '\u25be' : '\u25b8') : ''),
      h('bdi', { class: 'ex-key' }, shown),
      isDamaged && ' ', isDamaged && h('span', { class: 'ex-fault' }, `\u2717 ${isBranch ? 'damage below' : 'damaged'}`)),
    h('span', { class: 'ex-cell ex-cell--dtype', role: 'gridcell' },
      !isBranch && h('span', { class: `ex-swatch ex-swatch--${family(dtype ?? kind)}`, 'aria-hidden': 'true' }), type),
    h('span', { class: 'ex-cell ex-cell--shape', role: 'gridcell' }, shape(row.shape) || valueText(row)),
    h('span', { class: 'ex-cell ex-cell--size', role: 'gridcell' }, row.bytes > 0 || row.shape ? bytes(row.bytes) : ''),
    h('span', { class: 'ex-cell ex-cell--offset', role: 'gridcell' }, integer(row.start)));
  }

  #click(event, row, n) {
    this.#active = n;
    if (row.isBranch && event.target.closest('.ex-twist')) return this.#toggle(row);
    if (row.isBranch && row.node === this.#selected) return this.#toggle(row);
    return this.#select(row);
  }

  #select(row) {
    this.#selected = row.node;
    for (const element of this.list.window.children) element.setAttribute('aria-selected', 'false');
    this.#mark();
    this.list.refresh();
    this.onSelect(row.node);
  }

  async #toggle(row, isOpen) {
    const { count } = await this.engine.call('toggle', { node: row.node, isOpen });
    await this.#setCount(count);
  }

  // Draws the rows again, when verifying has found damage or that there is none.
  refresh() {
    return this.list.refresh();
  }

  // Shows a node that was chosen elsewhere.
  async reveal(node) {
    const { at, count } = await this.engine.call('reveal', { node });
    this.#selected = node;
    if (at >= 0) this.#active = at;
    await this.#setCount(count);
    if (at >= 0) this.#go(at);
  }

  async #go(n) {
    this.#active = Math.max(0, Math.min(this.list.count - 1, n));
    this.list.scrollTo(this.#active);
    if (!this.list.rowAt(this.#active)) await this.list.refresh();
    this.#mark();
  }

  #mark() {
    for (const row of this.list.window.children) row.toggleAttribute('data-active', row.id === `ex-row-${this.#active}`);
    if (this.list.count > 0) this.grid.setAttribute('aria-activedescendant', `ex-row-${this.#active}`);
  }

  // Keys wait for each other: a row that has just come into being may still be on its way.
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS.has(event.key)) return;
    event.preventDefault();
    this.#keys = this.#keys.then(() => this.#handle(event.key)).catch((error) => announce(error.message));
  }

  async #handle(key) {
    const n = this.#active;
    const page = this.list.rowsOnScreen - 1;
    const moves = { ArrowDown: n + 1, ArrowUp: n - 1, PageDown: n + page, PageUp: n - page, Home: 0, End: this.list.count - 1 };
    if (key in moves) return this.#go(moves[key]);
    const [row] = await this.engine.call('rows', { start: n, end: n + 1 });
    return row && this.#act(key, row, n);
  }

  async #act(key, row, n) {
    if (key === 'Enter' || key === ' ') this.#select(row);
    else if (key === 'c') copyPath(await this.engine.call('describe', { node: row.node }));
    else if (key === 'ArrowRight' && row.isBranch) {
      if (row.isOpen) await this.#go(n + 1);
      else await this.#toggle(row, true);
    } else if (key === 'ArrowLeft') {
      if (row.isBranch && row.isOpen) await this.#toggle(row, false);
      else if (row.parent > 0) await this.#go((await this.engine.call('reveal', { node: row.parent })).at);
    }
  }
}

export const copyPath = ({ display }) => copy(display, 'Key path').then(() => announce('Key path copied'));

const DEEPEST = 24; // steps of indent; key paths may have 512 parts

function indent(depth) {
  const element = h('span', { class: 'ex-indent', 'aria-hidden': 'true' });
  element.style.width = `${Math.min(depth, DEEPEST) * 0.6}rem`;
  return element;
}

function valueText({ kind, value, isBranch }) {
  if (isBranch || value === undefined) return '';
  if (kind === 'bool') return value ? 'true' : 'false';
  if (kind === 'int') return Number.isSafeInteger(value) ? integer(value) : value.toExponential(3);
  return kind === 'float' ? String(value) : '';
}
