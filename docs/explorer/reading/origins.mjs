// Where a file comes from: the disk of whoever looks at the page, the site itself, or an address that they have given.

import { HEAD } from './slices.mjs';

export function blobOrigin(blob, name = blob.name) {
  return {
    name,
    size: blob.size,
    async slice(start, end) {
      try {
        return new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch (error) {
        throw new Error('The file cannot be read. It may have been changed or moved since it was chosen.', { cause: error });
      }
    },
  };
}

const LARGEST_WHOLE = 256e6; // bytes of a file that a server without ranges sends at once

// Without `elsewhere` only the page's own host is asked, also behind a redirect. `onWhole(fetched, size)` is told how far
// it is where the server sends the file only as a whole; `size` is NaN where it does not tell it.
export async function urlOrigin(href, base, elsewhere = false, onWhole = () => {}) {
  const url = new URL(href, base);
  if (!/^https?:$/.test(url.protocol)) throw new Error(`The explorer opens http and https addresses, not ${url.protocol}`);
  if (!elsewhere && isElsewhere(url, base)) throw new Error(`Files are read from this site alone, not from ${url.host}.`);
  const ask = asking(url, elsewhere);
  const answer = await ask({ Range: `bytes=0-${HEAD - 1}` });
  const name = nameOf(url);
  if (answer.status === 206) {
    const head = new Uint8Array(await answer.arrayBuffer());
    return { name, size: await sizeOf(answer, ask), head, slice: (start, end) => rangeOf(ask, start, end) };
  }
  if (answer.status === 416) return { name, size: 0, slice: async () => new Uint8Array(0) }; // an empty file
  if (!answer.ok) throw new Error(`${url.host} has no such file: ${url.pathname} (${answer.status}).`);
  if (Number(answer.headers.get('Content-Length')) > LARGEST_WHOLE) {
    await answer.body?.cancel();
    throw new Error(`${url.host} does not send parts of a file (HTTP ranges), and this one is large. Download it, and open it from your disk.`);
  }
  const whole = blobOrigin(await wholeOf(answer, onWhole), name);
  return { ...whole, isFetched: true };
}

async function wholeOf(answer, onWhole) {
  const size = Number(answer.headers.get('Content-Length') ?? NaN);
  const reader = answer.body.getReader();
  const pieces = [];
  let fetched = 0;
  onWhole(fetched, size);
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
    fetched += next.value.length;
    onWhole(fetched, size);
  }
  return new Blob(pieces);
}

export const isElsewhere = (url, base) => new URL(url, base).origin !== new URL(base).origin;

export function nameOf(url) {
  const last = url.pathname.split('/').pop();
  try {
    return decodeURIComponent(last) || url.host;
  } catch {
    return last; // a % that begins no escape
  }
}

// Nothing that says who is asking goes along: no cookie, no password, no address of the page.
function asking(url, elsewhere) {
  const common = { mode: elsewhere ? 'cors' : 'same-origin', credentials: 'omit', referrerPolicy: 'no-referrer' };
  return async (headers, method = 'GET') => {
    try {
      return await fetch(url, { ...common, method, headers });
    } catch (error) {
      if (!elsewhere) throw error;
      throw new Error(`${url.host} cannot be read from here. It does not answer, or it does not let other sites read its files (CORS). `
        + 'Download the file, and open it from your disk.', { cause: error });
    }
  };
}

// Another host may keep the header to itself that has the size; then it is asked for it.
async function sizeOf(answer, ask) {
  const told = /\/(\d+)$/.exec(answer.headers.get('Content-Range') ?? '')?.[1];
  const size = Number(told ?? (await ask({}, 'HEAD')).headers.get('Content-Length') ?? NaN);
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new Error('The server does not tell how large the file is. Download it, and open it from your disk.');
}

// DETACHED-1: the detached seal of the file at an address, or undefined where there is none. A page of a site that
// answers everything is none, and neither is the refusal of a host elsewhere that answers for one file alone.
export async function sealOrigin(href, base, elsewhere = false) {
  const url = new URL(href, base);
  url.pathname += '.seal';
  const asked = asking(url, elsewhere)({});
  const answer = await (elsewhere ? asked.catch(() => undefined) : asked);
  if (!answer?.ok || answer.headers.get('Content-Type')?.startsWith('text/html')) return undefined;
  return blobOrigin(await answer.blob(), nameOf(url));
}

async function rangeOf(ask, start, end) {
  const answer = await ask({ Range: `bytes=${start}-${end - 1}` });
  if (answer.status !== 206) throw new Error(`The server did not send bytes ${start} to ${end} (${answer.status}).`);
  return new Uint8Array(await answer.arrayBuffer());
}
