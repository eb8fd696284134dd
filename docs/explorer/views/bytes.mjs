// The bytes of a record, run by run: what they are, what they say, and the clause that governs them.

import { button, h } from './dom.mjs';
import { clauseLink } from './clauses.mjs';
import { hex, integer, plural } from './format.mjs';

const SHOWN = 16; // bytes of a run
const PAGE = 128; // bytes of a payload
const ROW = 16;
const [WIDE, NARROW] = [760, 480]; // pixels that a whole row takes, with values and without

export class BytesView {
  constructor(engine) {
    this.engine = engine;
    this.element = h('div', { class: 'ex-bytes' });
  }

  // `wanted` is { node } or { place }; `fault` an offset to mark.
  async show(wanted, { fault, budget = 200 } = {}) {
    const call = (this.call = {});
    if (wanted !== this.wanted) this.element.replaceChildren(); // those of another record
    this.wanted = wanted;
    const { runs, more } = await this.engine.call('annotate', { ...wanted, budget });
    const rows = await Promise.all(runs.map((run) => this.#bytesOf(run)));
    if (call !== this.call) return;
    const faulty = fault === undefined ? -1 : faultyRun(runs, fault);
    const table = h('table', { class: 'ex-runs' },
      h('thead', {}, h('tr', {}, ['offset', 'bytes', 'meaning', 'clause'].map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, runs.flatMap((run, n) => this.#rows(run, rows[n], n === faulty))));
    this.element.replaceChildren(table,
      fault !== undefined && faulty < 0 ? h('p', { class: 'ex-advice' }, `The file ends where byte ${integer(fault)} is expected.`) : '',
      more ? button('Show more', () => this.show(wanted, { fault, budget: 4 * budget })) : '');
    const row = table.querySelector('.ex-run--fault');
    this.element.scrollTop = row ? row.offsetTop - this.element.clientHeight / 2 : 0;
  }

  async #bytesOf({ at, length, payload }) {
    if (payload) return undefined;
    return (await this.engine.call('bytes', { at, length: Math.min(length, SHOWN) })).bytes;
  }

  // A row, and below it the payload where it is one.
  #rows(run, bytes, isFaulty) {
    const { at, length, depth, what, value, clause, payload } = run;
    const meaning = h('td', { class: 'ex-meaning' },
      isFaulty && h('strong', { class: 'ex-fault' }, '\u2717 '), what, value !== undefined && [' ', h('bdi', { class: 'ex-code' }, value)]);
    meaning.style.setProperty('--ex-depth', Math.min(depth, 8));
    const more = !payload && length > SHOWN && h('span', { class: 'ex-quiet' }, ` and ${integer(length - SHOWN)} more`);
    const row = h('tr', { class: `ex-run${isFaulty ? ' ex-run--fault' : ''}`, 'aria-label': isFaulty ? 'the fault' : undefined },
      h('td', { class: 'ex-offset', title: `0x${hex(at)}` }, integer(at)),
      h('td', { class: `ex-hex ex-hex--${roleOf(clause)}` }, payload ? plural(length, 'byte') : hexText(bytes), more), meaning, h('td', { class: 'ex-rule' }, clauseLink(clause)));
    return payload ? [row, h('tr', { class: 'ex-run ex-run--payload' }, h('td', { colspan: 4 }, this.#payload(run)))] : [row];
  }

  #payload(run) {
    const pager = new Pager(this.engine, run);
    pager.go(0);
    return pager.element;
  }
}

function faultyRun(runs, fault) {
  return runs.findLastIndex(({ at, length }) => fault >= at && fault < at + length);
}

const ROLES = [[/^KEY/, 'path'], [/^LEAF-(3|11)$/, 'shape'], [/^DTYPE-[12]$/, 'dtype'], [/^DTYPE|^WIRE-5$/, 'payload']];

// The colours are those of the picture of a record on the home page.
const roleOf = (clause) => ROLES.find(([test]) => test.test(clause ?? ''))?.[1] ?? 'frame';

const hexText = (bytes) => Array.from(bytes, (byte) => hex(byte)).join(' ');
const ascii = (bytes) => Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');

// A payload of any length, page by page.
class Pager {
  constructor(engine, run) {
    Object.assign(this, { engine, run });
    this.rows = h('div', { class: 'ex-dump', tabindex: '0', role: 'group', 'aria-label': 'Payload' });
    this.where = h('span', { class: 'ex-quiet', role: 'status' });
    const last = Math.floor((run.length - 1) / PAGE) * PAGE;
    const steps = [['|\u2190', 'First page', () => 0], ['\u2190', 'Page before', () => this.at - PAGE], ['\u2192', 'Next page', () => this.at + PAGE], ['\u2192|', 'Last page', () => last]];
    this.last = last;
    this.jump = h('input', { class: 'ex-input ex-jump', inputmode: 'numeric', 'aria-label': 'Go to element', placeholder: run.payload.dtype ? 'element' : 'byte', onchange: () => this.#jump() });
    this.element = h('div', { class: 'ex-pager' }, this.rows, run.length > PAGE && h('div', { class: 'ex-pages' },
      steps.map(([text, label, to]) => button(text, () => this.go(to()), { 'aria-label': label })), this.jump, this.where));
  }

  #jump() {
    const n = Number(this.jump.value.replaceAll(',', ''));
    if (Number.isInteger(n)) this.go(n * (this.width ?? 1));
  }

  async go(to) {
    const { at: start, length, payload: { dtype } } = this.run;
    this.at = Math.max(0, Math.min(this.last, Math.floor(to / PAGE) * PAGE));
    const size = Math.min(PAGE, length - this.at);
    const { bytes, values, width } = await this.engine.call('bytes', { at: start + this.at, length: size, dtype });
    this.width = width;
    const isNarrow = this.rows.clientWidth < (values ? WIDE : NARROW);
    const perRow = Math.max(isNarrow ? ROW / 2 : ROW, width ?? 1);
    const lines = [];
    for (let n = 0; n < bytes.length; n += perRow) lines.push(line(bytes.subarray(n, n + perRow), values?.slice(n / width, (n + perRow) / width), start + this.at + n));
    this.rows.replaceChildren(...lines);
    this.where.textContent = `${plural(size, 'byte')} from ${integer(this.at)} of ${integer(length)}`;
  }
}

function line(bytes, values, offset) {
  return h('div', { class: 'ex-line' },
    h('span', { class: 'ex-line-offset', title: `0x${hex(offset)}` }, integer(offset)),
    h('span', { class: 'ex-line-hex' }, hexText(bytes)),
    h('span', { class: 'ex-line-text' }, values ? values.join('  ') : ascii(bytes)));
}
