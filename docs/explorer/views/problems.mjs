// What is wrong with a file: its violations, each with its clause, its place and what the client says, and the damage that
// verifying has found; and the notes.

import { button, h } from './dom.mjs';
import { clauseLink, sentence } from './clauses.mjs';
import { bytes, hex, integer, plural } from './format.mjs';
import { SHOWN, faultItem } from './verify.mjs';
import { displayPath } from '../streamckpt/index.mjs';

// How many there are.
export function problemCount({ violations, problems = [], cut, verified }) {
  return violations.length + problems.length + (cut ? 1 : 0) + (verified?.faults.length ?? 0);
}

// `onShow(violation)` shows its bytes, and `onGo(node)` a leaf.
export function problemsView(summary, { onShow, onGo }) {
  const { violations, problems = [], cut, verified, ended, stoppedAt } = summary;
  const faults = verified?.faults ?? [];
  const found = [...(cut ? [cutText(cut)] : []), ...problems];
  const items = violations.map((violation, n) => h('li', { class: 'ex-violation' },
    h('p', { class: 'ex-violation-head' }, clauseLink(violation.clause), ' ', sentence(violation.clause)),
    h('p', { class: 'ex-violation-text' }, `${capital(violation.message)}.`, earlierText(violation)),
    h('p', { class: 'ex-quiet' }, violation.ofSeal && 'in the detached seal, ', place(violation.offset), violation.path && pathText(violation.path)),
    violation.next !== undefined && h('p', { class: 'ex-quiet' }, `Its end is not known. Reading went on at ${place(violation.next)}, where the next whole record begins.`),
    button('Show the bytes', () => onShow(violation), { class: 'ex-link', 'aria-label': `Show the bytes of violation ${n + 1}` })));
  return h('div', {},
    problemCount(summary) === 0 && h('p', {}, nothingText(summary)),
    items.length > 0 && h('ol', { class: 'ex-violations' }, items),
    found.length > 0 && h('ol', { class: 'ex-violations' }, found.slice(0, SHOWN).map((text) => h('li', { class: 'ex-violation' }, h('p', { class: 'ex-violation-text' }, text)))),
    found.length > SHOWN && h('p', { class: 'ex-quiet' }, `and ${integer(found.length - SHOWN)} more`),
    faults.length > 0 && h('ol', { class: 'ex-violations' }, faults.slice(0, SHOWN).map((fault) => faultItem(fault, onGo))),
    faults.length > SHOWN && h('p', { class: 'ex-quiet' }, `and ${integer(faults.length - SHOWN)} more`),
    ended && h('p', { class: 'ex-advice ex-ended' }, `Reading ended at ${place(ended.at)}. ${ended.why}`),
    rescue(summary),
    stoppedAt !== undefined && h('p', { class: 'ex-advice' }, `You stopped the reading at ${place(stoppedAt)}.`));
}

const cutText = ({ described, size }) => `cut off: the header describes ${bytes(described)}, the file has ${bytes(size)}`;

// What to do with a damaged file.
function rescue({ kind, violations, verified, cut, leaves }) {
  if (cut) return h('p', { class: 'ex-advice' }, 'A save or a copy of it has not been completed. Get it again.');
  const isDamaged = violations.length > 0 || verified?.faults.length > 0;
  if (!['stream', 'sealed'].includes(kind.container) || !isDamaged || leaves === 0) return undefined;
  const guide = h('a', { class: 'ex-clause', href: '../guides/rescue/', target: '_blank', rel: 'noopener' }, 'The guide');
  return h('p', { class: 'ex-advice' }, 'If it was cut off or damaged on its way, copy or save it again. If that cannot be done, ',
    h('code', {}, 'streamckpt salvage'), ' saves the tensors that are intact. ', guide, ' shows how.');
}

function nothingText({ kind, verified }) {
  if (verified?.isWhole) return 'All is as the seal says.';
  if (kind.container === 'safetensors') return 'A safetensors file is shown but not judged: the specification is about streams and flax files.';
  if (kind.container === 'sealed') return 'The seal is sound, and its index fits the file. To find out whether any byte of the leaves has changed, verify them.';
  if (!kind.container) return 'Nothing was judged.';
  return 'No clause is broken. That says nothing about the values: every pattern of bits is a number.';
}

export function notesView({ notes }, { onGo }) {
  return h('ul', { class: 'ex-violations' }, notes.map(({ clause, text, count, offsets }) => h('li', { class: 'ex-violation ex-note' },
    h('p', { class: 'ex-violation-head' }, clauseLink(clause), ` ${plural(count, 'record')}: each ${text}`),
    h('p', { class: 'ex-quiet' }, offsets.slice(0, 10).map((offset) => button(integer(offset), () => onGo(offset), {
      class: 'ex-link', 'aria-label': `Go to byte ${offset}`,
    })), count > 10 && ' and more'))));
}

const place = (offset) => `byte ${integer(offset)} (0x${hex(offset)})`;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const earlierText = ({ earlier }) => earlier !== undefined && ` The other record is at ${place(earlier)}.`;
const pathText = (path) => [', key path ', h('bdi', { class: 'ex-code' }, displayPath(path))];
