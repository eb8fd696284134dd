// How much of the file each dtype takes.

import { h } from './dom.mjs';
import { bytes, family, integer, percent } from './format.mjs';

export function totalsTable(totals, whole) {
  const heads = ['dtype', 'leaves', 'elements', 'payload', 'share'];
  return h('table', { class: 'ex-table' },
    h('thead', {}, h('tr', {}, heads.map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, totals.map((total) => h('tr', {},
      h('th', { scope: 'row' }, h('span', { class: `ex-swatch ex-swatch--${family(total.name)}`, 'aria-hidden': 'true' }), total.name),
      h('td', {}, integer(total.leaves)),
      h('td', {}, total.isDtype ? integer(total.elements) : ''),
      h('td', {}, bytes(total.bytes)),
      h('td', {}, percent(total.bytes, whole))))));
}
