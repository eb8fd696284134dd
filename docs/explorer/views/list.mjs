// A list of any length, of which only the rows on the screen exist. A browser cannot scroll further than some 30
// million pixels; in longer lists the scroll bar stands for the whole, and a screenful moves by less than its rows.

const TALLEST = 8_000_000; // pixels
const SPARE = 6; // rows above and below the screen

export class VirtualList {
  count = 0;
  #height = 28;
  #wanted = 0;
  #shown = [];

  // `viewport` scrolls; `fetch(start, end)` gives a promise of the rows, and `draw(row, n)` the element of one.
  constructor(viewport, { fetch, draw }) {
    Object.assign(this, { viewport, fetch, draw });
    this.sizer = viewport.appendChild(document.createElement('div'));
    this.sizer.className = 'ex-sizer';
    this.window = this.sizer.appendChild(document.createElement('div'));
    this.window.className = 'ex-window';
    for (const element of [this.sizer, this.window]) element.setAttribute('role', 'presentation');
    viewport.addEventListener('scroll', () => this.refresh(), { passive: true });
    new ResizeObserver(() => this.resize()).observe(viewport);
  }

  resize() {
    const height = parseFloat(getComputedStyle(this.viewport).getPropertyValue('--ex-row')) || 28;
    this.#height = height;
    this.setCount(this.count);
  }

  setCount(count) {
    this.count = count;
    this.total = count * this.#height;
    this.sizer.style.height = `${Math.min(this.total, TALLEST)}px`;
    return this.refresh();
  }

  // How far the rows have moved, in pixels.
  get offset() {
    const { scrollTop, clientHeight } = this.viewport;
    if (this.total <= TALLEST) return scrollTop;
    return (scrollTop / Math.max(1, TALLEST - clientHeight)) * (this.total - clientHeight);
  }

  get rowsOnScreen() {
    return Math.max(1, Math.floor(this.viewport.clientHeight / this.#height));
  }

  scrollTo(n) {
    const { clientHeight } = this.viewport;
    const top = n * this.#height;
    const { offset } = this;
    const target = top < offset ? top : top + this.#height > offset + clientHeight ? top + this.#height - clientHeight : offset;
    if (target === offset) return;
    const scale = this.total <= TALLEST ? 1 : (TALLEST - clientHeight) / (this.total - clientHeight);
    this.viewport.scrollTop = target * scale;
  }

  async refresh() {
    const call = ++this.#wanted;
    const start = Math.max(0, Math.floor(this.offset / this.#height) - SPARE);
    const end = Math.min(this.count, start + this.rowsOnScreen + 2 * SPARE + 2);
    const rows = await this.fetch(start, end);
    if (call !== this.#wanted) return;
    this.#shown = rows.map((row, n) => ({ row, n: start + n }));
    const shift = this.viewport.scrollTop - this.offset; // of the scaled scroll bar
    this.window.style.transform = `translateY(${start * this.#height + shift}px)`;
    this.window.replaceChildren(...this.#shown.map(({ row, n }) => this.draw(row, n)));
  }

  rowAt(n) {
    return this.#shown.find((shown) => shown.n === n)?.row;
  }
}
