// The clauses of the specification: links to them, and what they say.

import { h } from './dom.mjs';

let clauses = {};

export async function loadClauses(base) {
  const answer = await fetch(new URL('clauses.json', base));
  clauses = answer.ok ? await answer.json() : {};
}

export const sentenceOf = (id) => clauses[id]?.sentence ?? '';

// In a tab of its own: the file that is open here would be lost.
export function clauseLink(id) {
  if (!id) return undefined;
  const clause = clauses[id];
  if (!clause?.url) return h('span', { class: 'ex-clause', title: clause && plain(clause.sentence) }, id);
  return h('a', { class: 'ex-clause', href: clause.url, target: '_blank', rel: 'noopener', title: plain(clause.sentence) }, id);
}

// A sentence with its `code` as code.
export function sentence(id) {
  const pieces = sentenceOf(id).split('`');
  return h('span', { class: 'ex-sentence' }, pieces.map((piece, n) => (n % 2 ? h('code', {}, piece) : piece)));
}

const plain = (text) => text.replaceAll('`', '');
