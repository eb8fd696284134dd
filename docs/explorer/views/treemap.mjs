// Sizes as areas. A block is a leaf or a branch; Enter goes into a branch, Escape goes up, and the arrow keys go to the
// next block in that direction. The colour says the dtype, and so does the text.

import { button, h, svg } from './dom.mjs';
import { bytes, family, percent, plural, shape } from './format.mjs';
import { squarify } from './squarify.mjs';

const LETTER = 6.2; // pixels of a letter of 11 pixels, about
const LINE = 14;
const HEAD = 16; // of the name above the blocks of a branch

export class TreemapView {
  #trail = [0];

  constructor(engine, { onSelect }) {
    Object.assign(this, { engine, onSelect });
    this.crumbs = h('nav', { class: 'ex-crumbs', 'aria-label': 'Where the treemap is' });
    this.canvas = svg('svg', { class: 'ex-map', role: 'group', 'aria-label': 'Sizes', onkeydown: (event) => this.#key(event) });
    this.hint = h('p', { class: 'ex-quiet ex-hint', 'aria-live': 'polite' }, ' ');
    this.legend = h('ul', { class: 'ex-legend', 'aria-label': 'Colours' });
    this.element = h('div', {}, this.crumbs, this.canvas, this.hint, this.legend);
    new ResizeObserver(() => this.#layout()).observe(this.element);
  }

  // Called when it becomes visible.
  async show() {
    if (!this.blocks) await this.#enter(0);
  }

  async #enter(node, focus = false) {
    this.blocks = await this.engine.call('blocks', { node });
    this.#layout();
    this.#drawCrumbs();
    if (focus) this.canvas.querySelector('[tabindex]')?.focus();
  }

  #goIn(block) {
    this.#trail.push(block.node);
    return this.#enter(block.node, true);
  }

  #goUp(levels = 1) {
    if (this.#trail.length === 1) return undefined;
    this.#trail.length = Math.max(1, this.#trail.length - levels);
    return this.#enter(this.#trail[this.#trail.length - 1], true);
  }

  #drawCrumbs() {
    const { path, bytes: size } = this.blocks;
    this.crumbs.replaceChildren(
      this.#trail.length > 1 ? button('\u2191 Up', () => this.#goUp()) : '',
      h('bdi', { class: 'ex-crumb' }, path || 'the whole file'), h('span', { class: 'ex-quiet' }, ` ${bytes(size)} of payload`));
  }

  #layout() {
    const width = this.element.clientWidth;
    if (!this.blocks || width === 0) return;
    // The text under the map changes with the focus, and the size of the element with it: nothing need be drawn anew for that.
    if (this.laidOut?.blocks === this.blocks && this.laidOut.width === width) return;
    const focused = this.laidOut?.blocks === this.blocks ? this.drawn.findIndex(({ element }) => element === document.activeElement) : -1;
    this.laidOut = { blocks: this.blocks, width };
    const height = Math.round(Math.max(260, Math.min(width * 0.62, 460)));
    this.canvas.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.canvas.setAttribute('height', height);
    this.drawn = [];
    this.canvas.replaceChildren();
    this.#place(this.blocks.children, { x: 0, y: 0, width, height });
    this.drawn.forEach(({ element }, n) => element.setAttribute('tabindex', n === 0 ? '0' : '-1'));
    if (this.drawn.length === 0) this.hint.textContent = 'No leaf here has a payload.';
    this.#drawLegend();
    if (focused >= 0) this.#focus(Math.min(focused, this.drawn.length - 1));
  }

  #place(blocks, area) {
    squarify(blocks, area).forEach((box, n) => {
      const block = blocks[n];
      const hasRoom = block.children.length > 0 && box.width > 60 && box.height > 44;
      this.#drawBlock(block, box, hasRoom);
      if (hasRoom) {
        this.#place(block.children, { x: box.x + 2, y: box.y + HEAD, width: box.width - 4, height: box.height - HEAD - 2 });
      }
    });
  }

  #drawBlock(block, box, isFrame) {
    const { x, y, width, height } = box;
    const colour = isFrame || block.node === undefined ? 'frame' : family(block.dtypes[0]);
    const name = block.name || '\u201c\u201d';
    const detail = [block.shape ? shape(block.shape) : '', block.dtypes.join(', '), bytes(block.bytes)].filter(Boolean);
    const lines = isFrame ? [`${name}  ${bytes(block.bytes)}`] : [name, ...detail];
    const label = `${name}, ${block.isBranch ? `${plural(block.count, 'leaf', 'leaves')}, ` : ''}${detail.join(', ')}, ${percent(block.bytes, this.blocks.bytes)}`;
    const element = svg('g', {
      class: `ex-block ex-block--${colour}`, role: 'button', 'aria-label': label,
      onclick: (event) => (event.stopPropagation(), this.#activate(block)), onfocus: () => (this.hint.textContent = label),
      onpointerenter: () => (this.hint.textContent = label),
    },
    svg('rect', { x: x + 0.5, y: y + 0.5, width: Math.max(0, width - 1), height: Math.max(0, height - 1), rx: 2 }),
    textLines(lines, box));
    this.canvas.append(element);
    this.drawn.push({ element, block, box, isFrame });
  }

  #activate(block) {
    if (block.node === undefined) return undefined;
    if (block.isBranch) return this.#goIn(block);
    return this.onSelect(block.node);
  }

  #drawLegend() {
    const coloured = this.drawn.filter(({ isFrame }) => !isFrame);
    const names = new Set(coloured.flatMap(({ block }) => block.dtypes.slice(0, 1)));
    this.legend.replaceChildren(...[...names].map((name) => h('li', {}, h('span', { class: `ex-swatch ex-swatch--${family(name)}`, 'aria-hidden': 'true' }), name)));
  }

  #key(event) {
    const at = this.drawn.findIndex(({ element }) => element === document.activeElement);
    if (event.key === 'Escape' || event.key === 'Backspace') this.#goUp();
    else if ((event.key === 'Enter' || event.key === ' ') && at >= 0) this.#activate(this.drawn[at].block);
    else if (event.key.startsWith('Arrow') && at >= 0) this.#focus(this.#neighbour(at, event.key.slice(5)));
    else return;
    event.preventDefault();
  }

  #focus(n) {
    if (n === undefined) return;
    for (const { element } of this.drawn) element.setAttribute('tabindex', '-1');
    this.drawn[n].element.setAttribute('tabindex', '0');
    this.drawn[n].element.focus();
  }

  // The nearest block whose middle lies in a direction.
  #neighbour(from, direction) {
    const middle = ({ box }) => [box.x + box.width / 2, box.y + (this.drawn.length ? Math.min(box.height / 2, 40) : 0)];
    const [x, y] = middle(this.drawn[from]);
    const [ahead, aside] = { Right: [1, 0], Left: [-1, 0], Down: [0, 1], Up: [0, -1] }[direction];
    let best;
    let least = Infinity;
    this.drawn.forEach((other, n) => {
      const [dx, dy] = [middle(other)[0] - x, middle(other)[1] - y];
      const along = dx * ahead + dy * aside;
      const across = Math.abs(dx * aside) + Math.abs(dy * ahead);
      if (n !== from && along > 0.5 && along + 3 * across < least) [best, least] = [n, along + 3 * across];
    });
    return best;
  }
}

function textLines(lines, { x, y, width, height }) {
  const room = Math.floor((width - 8) / LETTER);
  if (room < 2) return [];
  return lines.slice(0, Math.max(0, Math.floor((height - 3) / LINE))).map((line, n) => svg('text', { x: x + 4, y: y + 12 + n * LINE, class: n === 0 ? 'ex-block-name' : 'ex-block-detail' },
    line.length > room ? `${line.slice(0, room - 1)}\u2026` : line));
}
