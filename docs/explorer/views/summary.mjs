// What the file is, in a few lines: its name, its kind, the verdict, and how much of it was read.

import { button, h } from './dom.mjs';
import { bytes, integer, plural, seconds, short } from './format.mjs';

export function summaryView(summary, { another, readAs, verify }) {
  const { name, kind, detected, advice = kind.advice } = summary;
  return h('header', { class: 'ex-summary' },
    h('div', { class: 'ex-summary-head' },
      h('h2', { class: 'ex-name' }, name),
      h('span', { class: 'ex-badge' }, kindText(summary)),
      verdictBadge(summary, verify),
      h('span', { class: 'ex-spring' }),
      button('Open another file', another)),
    factList(summary),
    advice && h('p', { class: 'ex-advice' }, advice),
    offers(kind, detected, readAs));
}

function kindText({ kind, isTrainState }) {
  const name = kind.name.replace(/^an? /, '');
  return isTrainState ? `${name}, train state` : name;
}

export function verdict(summary) {
  const { violations, kind, stoppedAt, isGuess, seal, verified } = summary;
  if (isGuess || !kind.container) return { state: 'bad', text: 'not a checkpoint' };
  if (violations.length > 0) return { state: 'bad', text: plural(violations.length, 'violation') };
  if (verified?.faults.length > 0) return { state: 'bad', text: verified.damaged > 0 ? plural(verified.damaged, 'damaged block') : 'not what its seal says' };
  if (verified?.isWhole) return { state: 'good', text: `verified, ${seal.isDetached ? 'as its seal says' : 'conforms to 2.0'}` };
  if (seal) return { state: 'open', text: 'sealed, not verified yet' };
  if (stoppedAt !== undefined) return { state: 'open', text: 'stopped, not judged' };
  if (summary.cut) return { state: 'bad', text: 'cut off' };
  if (kind.container === 'safetensors') return { state: 'open', text: 'shown, not judged' };
  if (summary.problems?.length) return { state: 'bad', text: 'damaged' };
  return { state: 'good', text: kind.container === 'delta' ? 'its records are sound' : 'conforms to 1.0' };
}

const SIGNS = { good: '\u2713', bad: '\u2717', open: '\u25cb' };

// Where the file may yet be verified, a button that does it.
function verdictBadge(summary, verify) {
  const { state, text } = verdict(summary);
  const sign = h('span', { 'aria-hidden': 'true' }, `${SIGNS[state]} `);
  if (state !== 'open' || !summary.seal) return h('span', { class: `ex-badge ex-badge--${state}` }, sign, text);
  const attributes = { type: 'button', class: 'ex-badge ex-badge--open ex-badge--button', title: 'Verify it now', onclick: verify };
  return h('button', attributes, sign, h('span', {}, text));
}

function factList({ isFetched, size, leaves, elements, bytes: payload, bytesRead, milliseconds, facts = [], kind }) {
  const pairs = [['size', bytes(size), `${integer(size)} bytes`]];
  if (kind.container) {
    pairs.push(['leaves', integer(leaves)], ['elements', short(elements), integer(elements)], ['payload', bytes(payload)]);
  }
  const all = isFetched ? ', all of it: the server does not send parts of a file' : '';
  pairs.push(['read', `${bytes(bytesRead)} in ${seconds(milliseconds)}${all}`]);
  return h('dl', { class: 'ex-facts' }, [...pairs, ...facts].map(([name, value, title]) => h('div', {},
    h('dt', {}, name), h('dd', { title }, value))));
}

function offers({ container }, detected, readAs) {
  const others = [['stream', 'Read it as a stream'], ['flax', 'Read it as a flax file']].filter(([as]) => as !== container);
  if (container && container === detected.container && container !== 'delta') return undefined;
  return h('p', { class: 'ex-offers' }, others.map(([as, text]) => button(text, () => readAs(as))));
}
