// Metadata as a tree that opens and closes. What is in a list or map is asked for when it is opened, some entries at a
// time, and of a long text the beginning is shown until more is wanted.

import { button, h } from './dom.mjs';
import { integer, plural } from './format.mjs';

const OPEN = 12; // entries, up to which a list or map that stands first is open from the beginning
const DEPTH = 2;

export class MetadataView {
  constructor(engine, count) {
    this.engine = engine;
    this.element = h('div', { class: 'ex-metadata' });
    this.#fill(this.element, [], 0, count);
  }

  async #fill(element, path, from) {
    const { entries, count } = await this.engine.call('metadata', { path, from });
    const list = element.querySelector(':scope > ul') ?? element.appendChild(h('ul', { class: 'ex-entries' }));
    list.append(...entries.map((entry, n) => this.#entry(entry, [...path, from + n])));
    element.querySelector(':scope > .ex-more')?.remove();
    const next = from + entries.length;
    if (next < count) element.append(button(`Show more of ${integer(count)} entries`, () => this.#fill(element, path, next), { class: 'ex-link ex-more' }));
  }

  #entry(entry, path) {
    const name = h('bdi', { class: 'ex-meta-key' }, entry.name === '' ? '\u201c\u201d' : entry.name);
    if (entry.count === undefined) return h('li', {}, name, ' ', this.#value(entry, path));
    if (entry.count === 0) return h('li', {}, name, ' ', h('span', { class: 'ex-quiet' }, entry.kind === 'map' ? 'an empty map' : 'an empty list'));
    return h('li', {}, this.#branch(entry, path, name));
  }

  #branch({ kind, count }, path, name) {
    const body = h('div', {});
    let isFilled = false;
    const details = h('details', { class: 'ex-details', ontoggle: () => {
      if (details.open && !isFilled) this.#fill(body, path, 0);
      isFilled ||= details.open;
    } }, h('summary', {}, name, ' ', h('span', { class: 'ex-quiet' }, `${kind} of ${plural(count, 'entry', 'entries')}`)), body);
    details.open = path.length <= DEPTH && count <= OPEN;
    return details;
  }

  #value({ kind, text, length, bytes }, path) {
    const value = h('bdi', { class: `ex-code ex-meta-${kind}` }, text);
    const about = kind === 'bin' ? ` bytes, ${integer(bytes)} of them` : ` ${kind}`;
    return [value, h('span', { class: 'ex-quiet' }, about), length !== undefined && ' ', length !== undefined && this.#more(value, path, length, kind)];
  }

  // The whole of a long text, a page at a time.
  #more(value, path, length, kind) {
    let from = 0;
    const what = kind === 'bin' ? plural(length, 'byte') : plural(length, 'character');
    const more = button(`Show more of ${what}`, async () => {
      const page = await this.engine.call('metadataText', { path, from });
      if (from === 0) value.replaceChildren(page.text);
      else value.append(page.text);
      from = page.end;
      if (from >= page.length) more.remove();
    }, { class: 'ex-link ex-more' });
    return more;
  }
}
