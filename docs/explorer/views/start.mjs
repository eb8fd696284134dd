// The first thing that is seen: a place to drop a file, a button, and a few examples.

import { button, h } from './dom.mjs';

const EXAMPLES = [
  ['model.stream', 'A small model', '39 leaves of a transformer in bfloat16 and float32'],
  ['sealed.stream', 'A sealed stream', 'the same with checksums, metadata and digests, opened by its index'],
  ['train-state.msgpack', 'A standard flax file', 'a train state: weights, optimizer, step'],
  ['dtypes.stream', 'Every dtype', 'from int1 to complex128, and every kind of leaf'],
  ['cut-off.stream', 'A cut-off copy', 'a download that stopped half-way'],
  ['hostile.stream', 'A hostile file', 'many violations, and key paths that look like markup'],
];

export function startView({ openFiles, openUrl, openAddress }) {
  const input = h('input', {
    type: 'file', multiple: true, class: 'ex-file-input', id: 'ex-file', tabindex: '-1', 'aria-hidden': 'true',
    onchange: () => input.files.length > 0 && openFiles([...input.files]),
  });
  const zone = h('div', { class: 'ex-drop' },
    h('p', { class: 'ex-drop-title' }, 'Drop a checkpoint here'),
    h('p', { class: 'ex-drop-or' }, 'or'),
    button('Choose a file', () => input.click(), { class: 'ex-button ex-button--primary' }),
    input,
    h('p', { class: 'ex-quiet' }, 'It may be of any size. If it has a detached seal, drop both. It is read here in your browser, a slice at a time, and never uploaded.'));
  const address = h('input', {
    type: 'url', class: 'ex-input', required: true, placeholder: 'https://...', 'aria-label': 'Address of a checkpoint', name: 'url',
  });
  const form = h('form', {
    class: 'ex-toolbar ex-address',
    onsubmit: (event) => {
      event.preventDefault();
      openAddress(address.value);
    },
  }, address, h('button', { class: 'ex-button' }, 'Open an address'));
  const examples = EXAMPLES.map(([name, title, about]) => h('li', {}, h('button', {
    type: 'button', class: 'ex-example', onclick: () => openUrl(`examples/${name}`),
  }, h('strong', {}, title), h('span', { class: 'ex-quiet' }, about))));
  return h('section', { class: 'ex-start' },
    zone,
    form,
    h('p', { class: 'ex-quiet' }, 'Only the parts that are shown are fetched. The server has to let other sites read the file (CORS).'),
    h('h2', { class: 'ex-heading' }, 'Or look at an example'),
    h('ul', { class: 'ex-examples' }, examples));
}

// Before another host is asked for a file that a link names.
export function askView(url, onOpen, onCancel) {
  const open = button('Open it', onOpen, { class: 'ex-button ex-button--primary' });
  queueMicrotask(() => open.focus());
  return h('section', { class: 'ex-ask', 'aria-label': 'Open an address' },
    h('p', { class: 'ex-drop-title' }, `Open a file from ${url.host}?`),
    h('p', { class: 'ex-code' }, url.href),
    h('p', { class: 'ex-quiet' }, 'Your browser will ask that server for the parts that are shown. Nothing is sent to this site.'),
    h('div', { class: 'ex-toolbar' }, open, button('Do not open it', onCancel)));
}

// Files may be dropped anywhere on the page.
export function acceptDrops(target, openFiles) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    target.classList.toggle('ex--dragged', depth > 0);
  };
  const isFile = (event) => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragenter', (event) => isFile(event) && mark(1));
  document.addEventListener('dragleave', (event) => isFile(event) && mark(-1));
  document.addEventListener('dragover', (event) => isFile(event) && event.preventDefault());
  document.addEventListener('drop', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer.files.length > 0) openFiles([...event.dataTransfer.files]);
  });
}

export function progressView(name, stop) {
  const bar = h('progress', { class: 'ex-progress', max: 1, value: 0, 'aria-label': `Reading ${name}` });
  const text = h('p', { class: 'ex-quiet' }, ' ');
  const element = h('section', { class: 'ex-reading' },
    h('p', { class: 'ex-drop-title' }, `Reading ${name}`), bar, text, button('Stop', stop));
  return { element, bar, text };
}
