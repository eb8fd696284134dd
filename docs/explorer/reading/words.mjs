// Words for values, as the byte view speaks of them.

export class Odd extends Error {} // what was found is not what was expected

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export function described({ type, n, value, ext }) {
  if (type === 'int' || type === 'bool') return `the ${type} ${value}`;
  if (type === 'float') return `the float ${value}`;
  if (type === 'array') return `an array of ${n}`;
  if (type === 'map') return `a map of ${count(n, 'entry', 'entries')}`;
  if (type === 'ext') return `an ext of type ${ext} and ${count(n, 'byte')}`;
  return type === 'nil' ? 'nil' : `a ${type} of ${count(n, 'byte')}`;
}
