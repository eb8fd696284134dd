// Compares bytes with their checksums: of a leaf or of the whole file, with progress, and names what is damaged.

import { announce, button, h } from './dom.mjs';
import { clauseLink } from './clauses.mjs';
import { bytes, integer, plural, seconds } from './format.mjs';
import { displayPath } from '../streamckpt/index.mjs';

export const SHOWN = 100; // faults

export class VerifyView {
  // `node` is that of a leaf, undefined for the whole file. `onGo(node)` shows a leaf.
  constructor(engine, { node, label, hasDigests = false, onVerified, onGo }) {
    Object.assign(this, { engine, node, label, onVerified, onGo });
    this.digests = hasDigests && h('input', { type: 'checkbox' });
    this.body = h('div', { class: 'ex-verified', role: 'status' });
    this.start = button(label, () => this.run(), { class: 'ex-button ex-button--primary' });
    this.element = h('div', { class: 'ex-verify' }, h('div', { class: 'ex-toolbar' }, this.start,
      this.digests && h('label', { class: 'ex-check' }, this.digests, 'the SHA-256 digests too, which takes longer')), this.body);
  }

  async run() {
    const bar = h('progress', { class: 'ex-progress', max: 1, value: 0, 'aria-label': this.label });
    const text = h('p', { class: 'ex-quiet' }, ' ');
    const began = performance.now();
    this.start.disabled = true;
    const wanted = { node: this.node, withDigests: this.digests && this.digests.checked };
    const running = this.engine.call('verify', wanted, ({ done, total }) => {
      bar.value = total > 0 ? done / total : 1;
      text.textContent = `${bytes(done)} of ${bytes(total)}, ${bytes(done / ((performance.now() - began) / 1000))}/s`;
    });
    this.body.replaceChildren(bar, text, button('Stop', () => running.stop()));
    try {
      this.#draw(await running, performance.now() - began);
    } catch (error) {
      this.body.replaceChildren(h('p', { class: error.isStop ? 'ex-quiet' : 'ex-problem' }, error.isStop ? 'Stopped: what was not read is not verified.' : error.message));
    }
    this.start.disabled = false;
  }

  #draw(result, milliseconds) {
    const { faults, damaged, blocks, bytes: size, hasDigests } = result;
    const took = `${bytes(size)} in ${seconds(milliseconds)}`;
    const good = `${plural(blocks, 'block')} compared with ${blocks === 1 ? 'its checksum' : 'their checksums'}${hasDigests ? ', and the leaves with their digests' : ''}: all is as the seal says (${took}).`;
    const bad = [plural(damaged, 'damaged block'), plural(faults.filter(({ block }) => block === undefined).length, 'other fault')];
    const word = faults.length === 0 ? good : `${bad.filter((text) => !text.startsWith('0 ')).join(' and ')} (${took}).`;
    this.body.replaceChildren(
      h('p', { class: faults.length === 0 ? 'ex-sound' : 'ex-fault' }, faults.length === 0 ? '\u2713 ' : '\u2717 ', word),
      faults.length > 0 ? h('ol', { class: 'ex-violations' }, faults.slice(0, SHOWN).map((fault) => faultItem(fault, this.onGo))) : '',
      faults.length > SHOWN ? h('p', { class: 'ex-quiet' }, `and ${integer(faults.length - SHOWN)} more`) : '');
    announce(word);
    this.onVerified?.(result);
  }
}

// One fault as an item of a list. `onGo(node)` shows its leaf.
export function faultItem({ node, path, clause, block, start, end, message }, onGo) {
  const what = block === undefined ? message : `block ${integer(block)}, bytes ${integer(start)} to ${integer(end)}, has changed`;
  return h('li', { class: 'ex-violation' },
    h('p', { class: 'ex-violation-head' }, clauseLink(clause), ' ', h('bdi', { class: 'ex-code' }, displayPath(path))),
    h('p', { class: 'ex-violation-text' }, what),
    onGo && node !== undefined && button('Show the leaf', () => onGo(node), { class: 'ex-link', 'aria-label': `Show the leaf ${displayPath(path)}` }));
}
