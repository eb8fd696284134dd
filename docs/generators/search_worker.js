// Searches as the theme does, in its own worker, with three things more: the number of a clause, such as LEAF-5, is one
// word and no other's beginning; what ends in a mark that parts words, such as gs:// and params::, is found without it;
// and in a sentence the words that stand everywhere, such as "a" and "in", are left out, which the theme would take for
// the beginnings of others, so that they found every page.

/* global lunr */

const CLAUSE = /(^|\s)([a-z]+-[1-9]\d*)(?=$|\s)/gi; // its boost, ^1, keeps the theme from taking it for a beginning

function telling(query) {
  const words = query.split(/\s+/);
  const left = words.filter((word) => lunr.stopWordFilter(word.toLowerCase()));
  return (left.length ? left : words).join(' ');
}

addEventListener('message', ({ data }) => {
  if (data.type === 2) data.data = telling(data.data.replace(/[:/]+/g, ' ').trim()).replace(CLAUSE, '$1$2^1');
});
importScripts('THEME');
lunr.QueryLexer.termSeparator = /\s/; // the theme parts words itself, as mkdocs.yml says
