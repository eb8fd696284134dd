// Bars from the fine cells of a histogram, on a linear or a logarithmic scale of values, and their picture.

import { h, svg } from './dom.mjs';
import { integer, number } from './format.mjs';

const BARS = 64;
const HEIGHT = 220;
const [LEFT, BOTTOM, TOP] = [8, 22, 8];

// [{ low, high, count, label }], from cells of [low, high, count] in ascending order.
export function barsOf({ cells, zeros, min, max }, scale) {
  if (cells.length === 0) return [];
  if (scale === 'log') return magnitudeBars(cells, zeros);
  const exact = cells.length <= BARS && cells.every(([low, high]) => low === high);
  if (exact && min === max) return [{ low: min, high: max, count: cells[0][2], label: number(min) }];
  const width = exact && cells.every(([value]) => Number.isInteger(value)) && max - min < BARS ? 1 : (max - min) / BARS;
  const count = width === 1 && exact ? max - min + 1 : BARS;
  const start = width === 1 && exact ? min : min;
  const bars = Array.from({ length: count }, (_, n) => ({ low: start + n * width, high: start + (n + 1) * width, count: 0 }));
  for (const [low, high, cell] of cells) {
    const n = Math.min(count - 1, Math.floor(((low / 2 + high / 2) - start) / width));
    bars[Math.max(0, n)].count += cell;
  }
  for (const bar of bars) bar.label = width === 1 && exact ? number(bar.low) : `${number(bar.low)} to ${number(bar.high)}`;
  return bars;
}

// One bar for each power of two, or of a wider step, of either sign, and one for zero.
function magnitudeBars(cells, zeros) {
  const middles = cells.map(([low, high, count]) => [low / 2 + high / 2, count]).filter(([value]) => value !== 0);
  const exponents = middles.map(([value]) => Math.floor(Math.log2(Math.abs(value))));
  const [least, most] = [Math.min(...exponents), Math.max(...exponents)];
  const step = Math.max(1, Math.ceil((most - least + 1) / 40));
  const bars = new Map();
  const barOf = (sign, group) => {
    const key = sign * (group + 1);
    if (!bars.has(key)) {
      const [a, b] = [2 ** (least + group * step), 2 ** (least + (group + 1) * step)];
      bars.set(key, { key, low: sign < 0 ? -b : a, high: sign < 0 ? -a : b, count: 0 });
    }
    return bars.get(key);
  };
  const groups = middles.length > 0 ? Math.floor((most - least) / step) : -1;
  const signs = [-1, 1].filter((sign) => middles.some(([value]) => Math.sign(value) === sign));
  for (const sign of signs) for (let group = 0; group <= groups; group++) barOf(sign, group);
  middles.forEach(([value, count], n) => (barOf(Math.sign(value), Math.floor((exponents[n] - least) / step)).count += count));
  if (zeros > 0) bars.set(0, { key: 0, low: 0, high: 0, count: zeros, label: '0' });
  const sorted = [...bars.values()].sort((x, y) => x.key - y.key);
  for (const bar of sorted) bar.label ??= `${number(bar.low)} to ${number(bar.high)}`;
  return sorted;
}

export function chart(bars, { width, countScale }) {
  if (bars.length === 0) return h('p', {}, 'There is no finite value to draw.');
  const most = Math.max(...bars.map(({ count }) => count));
  const total = bars.reduce((sum, { count }) => sum + count, 0);
  const heightOf = (count) => (count === 0 ? 0 : countScale === 'log' ? Math.log2(1 + count) / Math.log2(1 + most) : count / most);
  const room = HEIGHT - TOP - BOTTOM;
  const each = (width - 2 * LEFT) / bars.length;
  const hint = h('p', { class: 'ex-quiet ex-hint' }, `The highest bar: ${integer(most)} elements.`);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, class: 'ex-bars', role: 'img', 'aria-label': `Histogram of ${integer(total)} finite elements, from ${number(bars[0].low)} to ${number(bars[bars.length - 1].high)}; the highest bar is ${highest(bars, most)}` },
    bars.map((bar, n) => {
      const height = Math.max(bar.count > 0 ? 1 : 0, heightOf(bar.count) * room);
      const tell = () => (hint.textContent = `${bar.label}: ${integer(bar.count)}`);
      return svg('g', { class: 'ex-bar', onpointerenter: tell },
        svg('rect', { class: 'ex-bar-space', x: LEFT + n * each, y: TOP, width: each, height: room }),
        svg('rect', { class: bar.key === 0 ? 'ex-bar-zero' : 'ex-bar-fill', x: LEFT + n * each + 0.5, y: TOP + room - height, width: Math.max(0.5, each - 1), height }));
    }),
    svg('line', { class: 'ex-axis', x1: LEFT, x2: width - LEFT, y1: TOP + room + 0.5, y2: TOP + room + 0.5 }),
    ticks(bars, width, each).map(({ x, text, anchor }) => svg('text', { x, y: HEIGHT - 6, class: 'ex-tick', 'text-anchor': anchor }, text)));
  return h('div', {}, picture, hint, dataTable(bars));
}

const highest = (bars, most) => bars.find(({ count }) => count === most).label;

// Round numbers on a linear scale; on a logarithmic one, whose bars have no common width, those of three bars.
function ticks(bars, width, each) {
  const x = (place) => LEFT + place * each;
  const [low, high] = [bars[0].low, bars[bars.length - 1].high];
  if (bars.some(({ key }) => key !== undefined) || high === low) {
    const shown = [...new Set([0, bars.length >> 1, bars.length - 1])];
    return shown.map((n) => ({ x: x(n + 0.5), text: number(bars[n].low < 0 ? bars[n].high : bars[n].low), anchor: 'middle' })).map(inside(width));
  }
  const step = niceStep((high - low) / (width / 90));
  const values = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) values.push(n * step);
  return values.map((value) => ({
    x: x(((value - low) / (high - low)) * bars.length), text: number(Number(value.toPrecision(6))), anchor: 'middle',
  })).map(inside(width));
}

const inside = (width) => (tick) => (tick.x < 30 ? { ...tick, anchor: 'start', x: Math.max(2, tick.x - 10) }
  : tick.x > width - 30 ? { ...tick, anchor: 'end', x: Math.min(width - 2, tick.x + 10) } : tick);

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least);
}

// The same as text, for who does not see the picture.
function dataTable(bars) {
  const rows = bars.filter(({ count }) => count > 0).slice(0, 130);
  return h('details', { class: 'ex-details' }, h('summary', {}, 'The bars as a table'),
    h('table', { class: 'ex-table' }, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'values'), h('th', { scope: 'col' }, 'elements'))),
      h('tbody', {}, rows.map(({ label, count }) => h('tr', {}, h('th', { scope: 'row' }, label), h('td', {}, integer(count)))))));
}
