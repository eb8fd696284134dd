// The values of a tensor: how many there are of each size, and their facts. It is read when it is asked for.

import { announce, button, h } from './dom.mjs';
import { bytes, integer, number, percent } from './format.mjs';
import { barsOf, chart } from './bars.mjs';

const PARTS = ['real', 'imaginary', 'magnitude'];

export class HistogramView {
  constructor(engine) {
    this.engine = engine;
    this.element = h('div', { class: 'ex-histogram' });
    this.scale = { value: 'linear', count: 'linear' };
  }

  // Of the node of an array. Nothing is read until the panel is seen.
  async show(node, { all = false, part } = {}) {
    this.stop();
    const call = (this.call = {});
    const bar = h('progress', { class: 'ex-progress', max: 1, value: 0, 'aria-label': 'Reading the tensor' });
    this.element.replaceChildren(bar, button('Stop', () => this.stop()));
    this.running = this.engine.call('histogram', { node, all, part }, ({ done, total }) => (bar.value = done / total));
    try {
      const result = await this.running;
      if (call === this.call) this.#draw(result, node);
    } catch (error) {
      if (call === this.call) this.element.replaceChildren(h('p', {}, error.isStop ? 'Stopped.' : error.message), button('Read it', () => this.show(node, { all, part })));
    }
  }

  stop() {
    this.running?.stop();
  }

  clear() {
    this.stop();
    this.call = undefined;
    this.element.replaceChildren();
  }

  #draw(result, node) {
    const { isSample, read, length, part } = result;
    const picture = h('div', { class: 'ex-chart' });
    const draw = () => {
      const width = Math.max(260, this.element.clientWidth);
      picture.replaceChildren(chart(barsOf(result, this.scale.value), { width, countScale: this.scale.count }));
    };
    const toggles = [['value', 'Values'], ['count', 'Counts']].map(([axis, name]) => this.#toggle(axis, name, draw));
    const parts = part && h('select', { class: 'ex-input', 'aria-label': 'Part of the complex numbers', onchange: (event) => this.show(node, { part: event.target.value }) },
      PARTS.map((name) => h('option', { value: name, selected: name === part }, name)));
    this.element.replaceChildren(
      isSample ? h('p', { class: 'ex-advice' }, `A sample: ${bytes(read)} of ${bytes(length)}, in 64 slices spread evenly. `, button('Read all', () => this.show(node, { all: true, part }))) : '',
      h('div', { class: 'ex-toolbar' }, toggles, parts),
      picture, facts(result));
    draw();
    announce(`Histogram of ${integer(result.count)} elements`);
  }

  #toggle(axis, name, draw) {
    const input = h('input', { type: 'checkbox', checked: this.scale[axis] === 'log', onchange: () => {
      this.scale[axis] = input.checked ? 'log' : 'linear';
      draw();
    } });
    return h('label', { class: 'ex-check' }, input, `${name} on a log scale`);
  }
}

function facts({ count, min, max, mean, std, zeros, nans, infs, negativeInfs, subnormals }) {
  const share = (n) => (n === 0 ? '0' : `${integer(n)} (${percent(n, count)})`);
  const rows = [
    ['elements', integer(count)], ['min', number(min)], ['max', number(max)], ['mean', number(mean)], ['std', number(std)],
    ['zeros', share(zeros)], ['NaN', share(nans)], ['+inf', share(infs)], ['-inf', share(negativeInfs)], ['subnormals', share(subnormals)],
  ];
  return h('dl', { class: 'ex-facts' }, rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}
