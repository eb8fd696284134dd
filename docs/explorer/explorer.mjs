// The explorer: opens a file in the worker, and shows what it is made of.

import { Engine } from './engine.mjs';
import { isElsewhere, nameOf } from './reading/origins.mjs';
import { loadClauses } from './views/clauses.mjs';
import { DetailView } from './views/detail.mjs';
import { announce, h, tabs } from './views/dom.mjs';
import { bytes, digits, integer } from './views/format.mjs';
import { notesView, problemCount, problemsView } from './views/problems.mjs';
import { sealView } from './views/seal.mjs';
import { acceptDrops, askView, progressView, startView } from './views/start.mjs';
import { summaryView, verdict } from './views/summary.mjs';
import { totalsTable } from './views/totals.mjs';
import { TreeView } from './views/tree.mjs';
import { TreemapView } from './views/treemap.mjs';

const root = document.getElementById('checkpoint');
let engine; // of the file that is open: another file gets another, and the work of the first ends
const openers = { openFiles, openUrl: (url) => open({ url }, nameIn(url)), openAddress };

function nameIn(url) {
  try {
    return nameOf(new URL(url, document.baseURI));
  } catch {
    return url;
  }
}

// An address that somebody has typed, or agreed to.
function openAddress(url) {
  return open({ url, elsewhere: true }, nameIn(url));
}

// One file, or one and its detached seal (DETACHED-1).
function openFiles(files) {
  const seals = files.filter((file) => files.some((other) => file.name === `${other.name}.seal`));
  const [file, more] = files.filter((other) => !seals.includes(other));
  if (more) return showStart('The explorer opens one file at a time, or a file together with the seal that belongs to it: NAME and NAME.seal.');
  return open({ file, seal: seals.find((seal) => seal.name === `${file.name}.seal`) }, file.name);
}

async function open(source, name, as) {
  engine?.close();
  engine = new Engine();
  const mine = engine;
  let reading;
  let isBegun = false; // what was read before it is stopped stays; of what is still on its way nothing is there
  const view = progressView(name, () => {
    if (isBegun) return reading.stop();
    mine.close();
    return showStart(`${name} was not opened: you stopped it.`);
  });
  root.replaceChildren(view.element);
  const started = performance.now();
  reading = engine.call('open', { ...source, base: document.baseURI, as }, ({ fetched, at, size, bytesRead }) => {
    isBegun = fetched === undefined;
    if (!isBegun) {
      view.bar.value = fetched / size || 0;
      view.text.textContent = `The server does not send parts of a file: ${bytes(fetched)} ${size > 0 ? `of ${bytes(size)} ` : ''}fetched`;
      return;
    }
    view.bar.value = size > 0 ? at / size : 1;
    const rate = bytesRead / ((performance.now() - started) / 1000);
    view.text.textContent = `at byte ${integer(at)} of ${integer(size)}; read ${bytes(bytesRead)}, ${bytes(rate)}/s`;
  });
  try {
    const summary = await reading;
    if (mine === engine) showFile(summary, source, name);
  } catch (error) {
    if (mine === engine) showStart(error.message);
  }
}

function showStart(problem) {
  root.replaceChildren(problem ? h('p', { class: 'ex-problem', role: 'alert' }, problem) : '', startView(openers));
}

function showFile(summary, source, name) {
  const { violations, notes, leaves, rows: count, totals, seal } = summary;
  root.style.setProperty('--ex-offset', `${digits(summary.size)}ch`); // the widest offset fits
  const detail = new DetailView(engine, { onVerified: (result) => onVerified(result) });
  const isNarrow = () => matchMedia('(max-width: 60em)').matches;
  const showDetail = (action) => {
    action();
    if (isNarrow()) detail.element.scrollIntoView({ block: 'start' });
  };
  const tree = new TreeView(engine, { count, leaves, onSelect: (node) => showDetail(() => detail.showNode(node)) });
  const choose = (node) => {
    tree.reveal(node);
    showDetail(() => detail.showNode(node));
  };
  const map = new TreemapView(engine, { onSelect: choose });
  const toViolation = (violation) => showDetail(() => detail.showViolation(violation));
  const problemsOf = (known) => problemsView(known, { onShow: toViolation, onGo: choose });
  const problems = h('div', {}, problemsOf(summary));
  const panels = [
    { id: 'tree', label: 'Tree', panel: h('div', {}, tree.element) },
    { id: 'map', label: 'Treemap', panel: h('div', {}, map.element) },
    { id: 'totals', label: 'Dtypes', panel: h('div', { class: 'ex-scroll' }, totalsTable(totals, summary.bytes)) },
    { id: 'problems', label: problemsLabel(summary), panel: problems },
    { id: 'notes', label: `Notes (${notes.length})`, panel: h('div', {}, notesView(summary, {
      onGo: async (offset) => {
        const node = await engine.call('nodeAt', { offset });
        if (node !== undefined) choose(node);
      },
    })) },
  ];
  const sealed = seal && sealView(engine, summary, { onVerified: (result) => onVerified(result), onGo: choose });
  if (sealed) panels.splice(1, 0, { id: 'seal', label: 'Seal', panel: sealed.element });
  const tabbed = tabs('Views', panels, (id) => id === 'map' && map.show());
  const verify = () => {
    tabbed.show('seal', true);
    sealed.verify();
  };
  const headOf = (known) => summaryView(known, { another: () => showStart(), readAs: (as) => open(source, name, as), verify });
  let head = headOf(summary);
  const onVerified = ({ known: { bytesRead, milliseconds, ...verified } }) => {
    const known = { ...summary, verified, bytesRead, milliseconds };
    const next = headOf(known);
    head.replaceWith(next);
    head = next;
    tabbed.setLabel('problems', problemsLabel(known));
    problems.replaceChildren(problemsOf(known));
    tree.refresh();
  };
  if (notes.length === 0) tabbed.setHidden('notes', true);
  const hasProblems = problemCount(summary) > 0;
  const isShown = summary.kind.container || hasProblems;
  root.replaceChildren(head, isShown ? h('div', { class: 'ex-main' }, tabbed.element, detail.element) : '');
  tabbed.show(hasProblems ? 'problems' : 'tree');
  if (violations.length > 0) detail.showViolation(violations[0]);
  announce(`${summary.name}: ${verdict(summary).text}, ${integer(leaves)} leaves`);
}

const problemsLabel = (summary) => `Problems (${integer(problemCount(summary))})`;

// What went wrong behind a click, such as a file that was deleted since.
function showTrouble(event) {
  event.preventDefault();
  root.querySelector('.ex-problem')?.remove();
  root.prepend(h('p', { class: 'ex-problem', role: 'alert' }, event.reason?.message ?? String(event.reason)));
}

// An address in a link: of this site it is opened, and another host is asked only when the reader agrees.
function follow(url) {
  try {
    if (!isElsewhere(url, document.baseURI)) return openers.openUrl(url);
  } catch {
    return showStart(`This is not an address: ${url}`);
  }
  return root.replaceChildren(askView(new URL(url), () => openAddress(url), () => showStart()));
}

async function start() {
  root.classList.add('ex');
  showStart();
  acceptDrops(root, openFiles);
  addEventListener('unhandledrejection', showTrouble);
  await loadClauses(document.baseURI);
  const wanted = new URLSearchParams(location.search);
  if (wanted.get('file')) openers.openUrl(wanted.get('file'));
  else if (wanted.get('url')) follow(wanted.get('url'));
}

start();
