// What a refusal says.

export class FormatError extends Error {
  constructor(clause, message, { offset, path } = {}) {
    super(message);
    this.name = 'FormatError';
    Object.assign(this, { clause, offset, path });
  }
}

export const fault = (clause, offset, message) => new FormatError(clause, message, { offset });

// The value whose header this is, where `what` was expected.
export function unexpected(clause, { at, type, value }, what) {
  const found = type === 'int' || type === 'bool' ? `the ${type} ${value}` : type === 'nil' ? type : `${/^[aei]/.test(type) ? 'an' : 'a'} ${type}`;
  return fault(clause, at, `expected ${what}, found ${found}`);
}

// CONF-5: adds the key path to a refusal that does not have one yet.
export function naming(path, error) {
  if (error instanceof FormatError && path.length > 0) error.path ??= path.map(String);
  return error;
}

export function named(path, action) {
  try {
    return action();
  } catch (error) {
    throw naming(path, error);
  }
}
