// Makes elements. Content of files enters the page here alone, always as text and never as markup.

const SVG = 'http://www.w3.org/2000/svg';

// h('button', { class: 'a', onclick: f, 'aria-label': 't', disabled: true }, 'text', child, ...)
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export const button = (text, onclick, attributes = {}) => h('button', { type: 'button', class: 'ex-button', onclick, ...attributes }, text);

// Tabs with their panels: [{ id, label, panel, isHidden }]. Arrow keys go from tab to tab (the ARIA pattern).
export function tabs(label, items, onShow) {
  const prefix = `ex-${label.toLowerCase().replace(/\W+/g, '-')}`;
  const tabOf = new Map();
  const list = h('div', { role: 'tablist', 'aria-label': label, class: 'ex-tabs', onkeydown: (event) => move(event) });
  for (const { id, label: text, panel } of items) {
    const tab = h('button', {
      type: 'button', role: 'tab', class: 'ex-tab', id: `${prefix}-${id}`, 'aria-controls': `${prefix}-${id}-panel`, onclick: () => show(id),
    }, text);
    Object.assign(panel, { id: `${prefix}-${id}-panel` });
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tab.id);
    tabOf.set(id, { tab, panel });
    list.append(tab);
  }

  function show(id, focus = false) {
    for (const [other, { tab, panel }] of tabOf) {
      const isShown = other === id;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      panel.hidden = !isShown;
    }
    if (focus) tabOf.get(id).tab.focus();
    onShow?.(id);
  }

  function move(event) {
    const seen = [...tabOf].filter(([, { tab }]) => !tab.hidden).map(([id]) => id);
    const at = seen.findIndex((id) => tabOf.get(id).tab === event.target);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: seen.length - 1 }[event.key];
    if (next === undefined || at < 0) return;
    event.preventDefault();
    show(seen[(next + seen.length) % seen.length], true);
  }

  return {
    element: h('div', { class: 'ex-tabbed' }, list, ...items.map(({ panel }) => panel)),
    show,
    setHidden: (id, isHidden) => (tabOf.get(id).tab.hidden = isHidden),
    setLabel: (id, text) => tabOf.get(id).tab.replaceChildren(text),
  };
}

// A word to screen readers, and to whoever looks at the foot of the page.
let live;
export function announce(text) {
  live ??= document.body.appendChild(h('div', { class: 'ex-live', role: 'status' }));
  live.textContent = text;
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${what} copied`);
  } catch {
    announce('The browser does not let this page copy.');
  }
}
