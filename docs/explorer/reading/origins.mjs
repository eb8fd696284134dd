// Where a file comes from: the disk of whoever looks at the page, or the site itself.

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

// Only the page's own host is asked, also behind a redirect. A server that knows no ranges sends the whole.
export async function urlOrigin(href, base, signal) {
  const url = new URL(href, base);
  if (url.origin !== new URL(base).origin) throw new Error(`Files are read from this site alone, not from ${url.host}.`);
  const get = (headers) => fetch(url, { headers, mode: 'same-origin', credentials: 'omit', signal });
  const answer = await get({ Range: `bytes=0-${HEAD - 1}` });
  const name = decodeURIComponent(url.pathname.split('/').pop());
  const size = Number(/\/(\d+)$/.exec(answer.headers.get('Content-Range') ?? '')?.[1] ?? NaN);
  if (answer.status === 206 && !Number.isNaN(size)) {
    const head = new Uint8Array(await answer.arrayBuffer());
    return { name, size, head, slice: (start, end) => rangeOf(get, start, end) };
  }
  if (answer.status === 416) return { name, size: 0, slice: async () => new Uint8Array(0) }; // an empty file
  if (!answer.ok) throw new Error(`The site has no such file: ${url.pathname} (${answer.status}).`);
  return blobOrigin(await answer.blob(), name);
}

// DETACHED-1: the detached seal of the file at an address, or undefined where the site has none. A page of a site that
// answers everything is none.
export async function sealOrigin(href, base) {
  const url = new URL(href, base);
  url.pathname += '.seal';
  const answer = await fetch(url, { mode: 'same-origin', credentials: 'omit' });
  if (!answer.ok || answer.headers.get('Content-Type')?.startsWith('text/html')) return undefined;
  return blobOrigin(await answer.blob(), url.pathname.split('/').pop());
}

async function rangeOf(get, start, end) {
  const answer = await get({ Range: `bytes=${start}-${end - 1}` });
  if (answer.status !== 206) throw new Error(`The site did not send bytes ${start} to ${end} (${answer.status}).`);
  return new Uint8Array(await answer.arrayBuffer());
}
