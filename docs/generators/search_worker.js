// Searches as the theme does, in its own worker, with two things more: the number of a clause, such as LEAF-5, is one
// word and no other's beginning, and what ends in a mark that parts words, such as gs:// and params::, is found without it.

/* global lunr */

const CLAUSE = /(^|\s)([a-z]+-[1-9]\d*)(?=$|\s)/gi; // its boost, ^1, keeps the theme from taking it for a beginning

addEventListener('message', ({ data }) => {
  if (data.type === 2) data.data = data.data.replace(/[:/]+/g, ' ').trim().replace(CLAUSE, '$1$2^1');
});
importScripts('THEME');
lunr.QueryLexer.termSeparator = /\s/; // the theme parts words itself, as mkdocs.yml says
