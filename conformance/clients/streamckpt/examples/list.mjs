// Lists the leaves of a checkpoint: node list.mjs FILE
import { readFileSync } from 'node:fs';
import { FormatError, bytesSource, displayPath, readStream } from 'streamckpt';

try {
  for await (const { path, leaf } of readStream(bytesSource(readFileSync(process.argv[2])))) {
    console.log(displayPath(path), leaf.kind, leaf.dtype ?? '', leaf.shape?.join() ?? '');
  }
} catch (error) {
  if (!(error instanceof FormatError)) throw error;
  console.error(`refused: ${error.message} (${error.clause}, byte ${error.offset})`);
  process.exitCode = 1;
}
