// What a refusal says.

export class FormatError extends Error {
  constructor(clause, message, { offset, path } = {}) {
    super(message);
    this.name = 'FormatError';
    Object.assign(this, { clause, offset, path });
  }
}

export const fault = (clause, offset, message) => new FormatError(clause, message, { offset });

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
